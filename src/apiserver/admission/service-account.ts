import { type Pod, pods, type ServiceAccount, serviceAccounts, type Volume } from '#api'
import { forbidden } from '#meta'
import type { AdmissionPlugin } from './types.ts'

const DEFAULT_NAME = 'default'
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
const VOLUME_PREFIX = 'kube-api-access-'
/** Rotated by the kubelet long before; a little over an hour marks tokens that clients must reload. */
const TOKEN_EXPIRATION_SECONDS = 3607
const VOLUME_MODE = 0o644

/** Gives each pod its service account, and that account's token, CA and namespace as a volume. */
export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  operations: ['CREATE'],
  async mutate({ resource, subresource, namespace, object }, { cache, random }) {
    if (resource !== (pods as unknown) || subresource !== '') return
    const pod = object as Pod
    const spec = pod.spec
    // A mirror pod stands for one the kubelet runs already; it may not gain anything.
    if (spec === undefined || pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) return
    spec.serviceAccountName ||= DEFAULT_NAME
    ;(spec as { serviceAccount?: string }).serviceAccount = spec.serviceAccountName
    await cache.current()
    const account = cache.of(serviceAccounts).get(`${namespace}/${spec.serviceAccountName}`)?.object as ServiceAccount | undefined
    if (account === undefined) {
      const name = pod.metadata?.name ?? ''
      throw forbidden(
        pods,
        name,
        `error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount "${spec.serviceAccountName}" not found`,
      )
    }
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      spec.imagePullSecrets = account.imagePullSecrets.map((reference) => ({ ...reference }))
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, random.suffix(5))
  },
}

function mountToken(pod: Pod, suffix: string): void {
  const spec = pod.spec!
  const existing = spec.volumes?.find(({ name, projected }) => name.startsWith(VOLUME_PREFIX) && projected !== undefined)
  const name = existing?.name ?? VOLUME_PREFIX + suffix
  let used = false
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.volumeMounts?.some(({ mountPath }) => mountPath === MOUNT_PATH)) continue
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }]
    used = true
  }
  if (used && existing === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
}

const tokenVolume = (name: string): Volume => ({
  name,
  projected: {
    defaultMode: VOLUME_MODE,
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_EXPIRATION_SECONDS } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
  },
})
