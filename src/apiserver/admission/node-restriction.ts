import { leases, nodes, type Pod, pods } from '#api'
import { forbidden } from '#meta'
import { nodeNameOf } from '../authorization/node.ts'
import type { AdmissionPlugin } from './types.ts'

/** A node changes only its own Node and Lease, and pods that are bound to it. */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  validate({ user, resource, namespace, name, object, oldObject, operation }) {
    const node = nodeNameOf(user)
    if (node === undefined) return
    const is = (other: unknown): boolean => resource === other
    const refuse = (why: string): never => {
      throw forbidden(resource, name, why)
    }
    if (is(nodes) && name !== node) refuse(`node ${JSON.stringify(node)} is not allowed to modify node ${JSON.stringify(name)}`)
    if (is(leases)) {
      if (namespace !== 'kube-node-lease') refuse('can only access leases in the "kube-node-lease" system namespace')
      if (name !== node) refuse('can only access node lease with the same name as the requesting node')
    }
    if (!is(pods)) return
    const pod = (oldObject ?? object) as Pod | undefined
    if (pod?.spec?.nodeName !== node)
      refuse(`node ${JSON.stringify(node)} can only ${operation.toLowerCase()} pods with spec.nodeName set to itself`)
    if (operation === 'CREATE' && pod?.metadata?.annotations?.['kubernetes.io/config.mirror'] === undefined) {
      refuse(
        `pod does not have "kubernetes.io/config.mirror" annotation, node ${JSON.stringify(node)} can only create mirror pods`,
      )
    }
  },
}
