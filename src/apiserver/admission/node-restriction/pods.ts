import { isMirrorPod, type Node, nodes, type Pod, pods, type Volume } from '#api'
import { deepEqual } from '#base'
import type { AdmissionContext, Attributes } from '../types.ts'
import type { Restriction } from './index.ts'

export const restrictPod: Restriction = function* (node, attributes, context) {
  const { subresource, operation } = attributes
  if (subresource === '') {
    if (operation === 'CREATE') yield* restrictCreate(node, attributes.object as Pod, context)
    else if (operation === 'DELETE') yield* requireOwn(node, attributes.oldObject as Pod, 'can only delete pods')
    else
      yield `unexpected operation ${JSON.stringify(operation)}, node ${JSON.stringify(node)} can only create and delete mirror pods`
  } else if (subresource === 'status') yield* restrictStatus(node, attributes)
  else if (subresource === 'eviction') {
    const pod = context.cache.of(pods).get(`${attributes.namespace}/${attributes.name}`)?.object as Pod | undefined
    if (pod !== undefined) yield* requireOwn(node, pod, 'can only evict pods')
  } else yield `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`
}

/** A mirror pod shows what the kubelet runs from a file: it may neither belong to others nor reach anything through the API. */
function* restrictCreate(node: string, pod: Pod, { cache }: AdmissionContext): Iterable<string> {
  const own = JSON.stringify(node)
  if (!isMirrorPod(pod))
    yield `pod does not have "kubernetes.io/config.mirror" annotation, node ${own} can only create mirror pods`
  yield* requireOwn(node, pod, 'can only create pods')
  const [owner, ...more] = pod.metadata?.ownerReferences ?? []
  if (more.length > 0) yield `node ${own} can only create pods with a single owner reference set to itself`
  if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    yield `node ${own} can only create pods with an owner reference set to itself`
    return
  }
  if (!owner.controller) yield `node ${own} can only create pods with a controller owner reference set to itself`
  if (owner.blockOwnerDeletion) yield `node ${own} must not set blockOwnerDeletion on an owner reference`
  const uid = (cache.of(nodes).get(node)?.object as Node | undefined)?.metadata?.uid
  if (uid !== owner.uid) yield `node ${node} UID mismatch: expected ${owner.uid} got ${uid ?? ''}`
  if (pod.spec?.serviceAccountName) yield `node ${own} can not create pods that reference a service account`
  for (const reference of referencesOf(pod)) yield `node ${own} can not create pods that reference ${reference}`
}

function* restrictStatus(node: string, { operation, object, oldObject }: Attributes): Iterable<string> {
  if (operation !== 'UPDATE') {
    yield `unexpected operation ${JSON.stringify(operation)}`
    return
  }
  yield* requireOwn(node, oldObject as Pod, 'can only update pod status for pods')
  if (!deepEqual(object?.metadata?.labels ?? {}, oldObject?.metadata?.labels ?? {}))
    yield `node ${JSON.stringify(node)} cannot update labels through pod status`
}

function* requireOwn(node: string, pod: Pod, what: string): Iterable<string> {
  if (pod.spec?.nodeName !== node) yield `node ${JSON.stringify(node)} ${what} with spec.nodeName set to itself`
}

const VOLUME_REFERENCES: readonly [reference: string, uses: (volume: Volume) => boolean][] = [
  [
    'secrets',
    ({ secret, cephfs, flexVolume, iscsi, rbd, scaleIO, storageos, azureFile, csi, projected, cinder }) =>
      [secret, cephfs?.secretRef, flexVolume?.secretRef, iscsi?.secretRef, rbd?.secretRef, scaleIO?.secretRef].some(Boolean) ||
      [storageos?.secretRef, azureFile, csi?.nodePublishSecretRef, cinder?.secretRef].some(Boolean) ||
      (projected?.sources ?? []).some((source) => source.secret),
  ],
  ['configmaps', ({ configMap, projected }) => Boolean(configMap) || (projected?.sources ?? []).some((each) => each.configMap)],
  ['persistentvolumeclaims', ({ persistentVolumeClaim, ephemeral }) => Boolean(persistentVolumeClaim ?? ephemeral)],
]

function* referencesOf({ spec }: Pod): Iterable<string> {
  const sources = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])].flatMap(
    ({ env, envFrom }) => [
      ...(env ?? []).map(({ valueFrom }) => ({ secret: valueFrom?.secretKeyRef, config: valueFrom?.configMapKeyRef })),
      ...(envFrom ?? []).map(({ secretRef, configMapRef }) => ({ secret: secretRef, config: configMapRef })),
    ],
  )
  const volumes = (reference: string): boolean => {
    const uses = VOLUME_REFERENCES.find(([name]) => name === reference)![1]
    return (spec?.volumes ?? []).some(uses)
  }
  if (spec?.imagePullSecrets?.length || sources.some(({ secret }) => secret) || volumes('secrets')) yield 'secrets'
  if (sources.some(({ config }) => config) || volumes('configmaps')) yield 'configmaps'
  if (volumes('persistentvolumeclaims')) yield 'persistentvolumeclaims'
  if (spec?.resourceClaims?.length) yield 'resourceclaims'
}
