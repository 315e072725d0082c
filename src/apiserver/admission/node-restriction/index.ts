import { csiNodes, leases, nodes, persistentVolumeClaims, pods, type ResourceDefinition, serviceAccounts } from '#api'
import { forbidden } from '#meta'
import { nodeNameOf } from '../../authorization/node/authorizer.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { restrictNode } from './nodes.ts'
import { restrictClaim, restrictCsiNode, restrictLease, restrictResourceSlice } from './others.ts'
import { restrictPod } from './pods.ts'
import { restrictToken } from './tokens.ts'

/** Yields what a node may not do, in upstream's words. */
export type Restriction = (
  node: string,
  attributes: Attributes,
  context: AdmissionContext,
) => Iterable<string> | AsyncIterable<string>

const BY_RESOURCE = new Map<unknown, Restriction>([
  [nodes, restrictNode],
  [pods, restrictPod],
  [persistentVolumeClaims, restrictClaim],
  [serviceAccounts, restrictToken],
  [leases, restrictLease],
  [csiNodes, restrictCsiNode],
])

/**
 * A kubelet changes only its own Node, Lease and CSINode, pods that are bound to it, and gets tokens only for those
 * (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction).
 */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  // Before the object is validated, as upstream: what a node may not do at all is not judged by how it is said.
  async mutate(attributes, context) {
    const node = nodeNameOf(attributes.user)
    if (node === undefined) return
    if (node === '')
      throw forbidden(
        attributes.resource,
        attributes.name,
        `could not determine node from user ${JSON.stringify(attributes.user.username)}`,
      )
    const restriction = restrictionOf(attributes.resource)
    if (restriction === undefined) return
    await context.cache.current()
    for await (const why of restriction(node, attributes, context)) throw forbidden(attributes.resource, attributes.name, why)
  },
}

const restrictionOf = (resource: ResourceDefinition): Restriction | undefined =>
  BY_RESOURCE.get(resource) ??
  (resource.group === 'resource.k8s.io' && resource.names.plural === 'resourceslices' ? restrictResourceSlice : undefined)
