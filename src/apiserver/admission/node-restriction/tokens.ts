import {
  type CSIDriver,
  csiDrivers,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  type TokenRequest,
} from '#api'
import { objectKey } from '#meta'
import { authorizeBy } from '../../authorization/index.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import type { Restriction } from './index.ts'

/** A kubelet gets tokens only for pods that are bound to it, and only for audiences that the pod or its CSI drivers ask for. */
export const restrictToken: Restriction = async function* (node, attributes, context) {
  const { subresource, operation, object, namespace } = attributes
  if (subresource !== 'token' || operation !== 'CREATE') return
  const { spec } = object as TokenRequest
  const bound = spec?.boundObjectRef
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) {
    yield 'node requested token not bound to a pod'
    return
  }
  if (!bound.uid) yield 'node requested token with a pod binding without a uid'
  const pod = context.cache.of(pods).get(`${namespace}/${bound.name}`)?.object as Pod | undefined
  if (pod === undefined) {
    yield `pods ${JSON.stringify(bound.name)} not found`
    return
  }
  if (bound.uid !== pod.metadata?.uid)
    yield `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`
  if (pod.spec?.nodeName !== node) yield 'node requested token bound to a pod scheduled on a different node'
  const asked = new Set([...projectedAudiences(pod), ...driverAudiences(pod, context)])
  for (const audience of spec?.audiences?.length ? spec.audiences : [''])
    if (audience !== '' && !asked.has(audience) && !(await mayAskFor(audience, attributes, context)))
      yield `audience ${JSON.stringify(audience)} not found in pod spec volume`
}

const projectedAudiences = ({ spec }: Pod): string[] =>
  (spec?.volumes ?? []).flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
      serviceAccountToken === undefined ? [] : [serviceAccountToken.audience ?? ''],
    ),
  )

function* driverAudiences({ metadata, spec }: Pod, { cache }: AdmissionContext): Iterable<string> {
  const namespace = metadata?.namespace
  for (const { name, csi, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
    const claimName = persistentVolumeClaim?.claimName ?? (ephemeral && `${metadata?.name}-${name}`)
    const claim =
      claimName && (cache.of(persistentVolumeClaims).get(objectKey(namespace, claimName))?.object as PersistentVolumeClaim)
    const volumeName = claim ? claim.spec?.volumeName : undefined
    const volume = volumeName ? (cache.of(persistentVolumes).get(volumeName)?.object as PersistentVolume | undefined) : undefined
    const driverName = csi?.driver ?? volume?.spec?.csi?.driver
    const driver = driverName ? (cache.of(csiDrivers).get(driverName)?.object as CSIDriver | undefined) : undefined
    for (const { audience } of driver?.spec.tokenRequests ?? []) yield audience
  }
}

/** What RBAC grants beside: the audience is the resource, the service account the name. */
async function mayAskFor(
  audience: string,
  { user, namespace, name }: Attributes,
  { authorizers }: AdmissionContext,
): Promise<boolean> {
  const { decision } = await authorizeBy(authorizers, {
    user,
    verb: 'request-serviceaccounts-token-audience',
    isResource: true,
    group: '',
    version: '*',
    resource: audience,
    subresource: '',
    namespace,
    name,
  })
  return decision === 'allow'
}
