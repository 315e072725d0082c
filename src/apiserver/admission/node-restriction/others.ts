import type { PersistentVolumeClaim } from '#api'
import { deepClone, deepEqual } from '#base'
import type { KubernetesObject } from '#meta'
import type { Restriction } from './index.ts'

export const restrictLease: Restriction = function* (node, { namespace, name }) {
  if (namespace !== 'kube-node-lease') yield 'can only access leases in the "kube-node-lease" system namespace'
  if (name !== node) yield 'can only access node lease with the same name as the requesting node'
}

export const restrictCsiNode: Restriction = function* (node, { name }) {
  if (name !== node) yield 'can only access CSINode with the same name as the requesting node'
}

export const restrictResourceSlice: Restriction = function* (node, { operation, object, oldObject }) {
  const nodeOf = (slice: KubernetesObject | undefined): string | undefined =>
    (slice as { spec?: { nodeName?: string } } | undefined)?.spec?.nodeName
  if (operation === 'CREATE' && nodeOf(object) !== node)
    yield 'can only create ResourceSlice with the same NodeName as the requesting node'
  if (operation === 'DELETE' && nodeOf(oldObject) !== node)
    yield 'can only delete ResourceSlice with the same NodeName as the requesting node'
}

/** What a kubelet tells of a claim is how far its volume has grown. */
export const restrictClaim: Restriction = function* (node, { subresource, operation, object, oldObject }) {
  if (subresource !== 'status') {
    yield `unexpected PVC subresource ${JSON.stringify(subresource)}, only 'status' is allowed`
    return
  }
  if (operation !== 'UPDATE') {
    yield `unexpected operation ${JSON.stringify(operation)}`
    return
  }
  if (!deepEqual(fixedPart(object as PersistentVolumeClaim), fixedPart(oldObject as PersistentVolumeClaim)))
    yield `node ${JSON.stringify(node)} is not allowed to update fields other than status.quantity and status.conditions`
}

function fixedPart(claim: PersistentVolumeClaim): unknown {
  const { metadata, status, ...rest } = deepClone(claim)
  const { resourceVersion: _, managedFields: __, ...meta } = metadata ?? {}
  const grows = ['capacity', 'conditions', 'allocatedResources', 'allocatedResourceStatuses', 'modifyVolumeStatus']
  const fixed = Object.entries(status ?? {}).filter(([name]) => !grows.includes(name))
  return { ...rest, meta, status: Object.fromEntries(fixed) }
}
