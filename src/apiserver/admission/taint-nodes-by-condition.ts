import { type Node, nodes } from '#api'
import type { AdmissionPlugin } from './types.ts'

const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }

/** A new node takes no pods until the node lifecycle controller has seen it Ready. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  operations: ['CREATE'],
  mutate({ resource, subresource, object }) {
    if (resource !== (nodes as unknown) || subresource !== '') return
    const node = object as Node
    node.spec ??= {}
    const taints = node.spec.taints ?? []
    if (!taints.some(({ key, effect }) => key === TAINT.key && effect === TAINT.effect))
      node.spec.taints = [...taints, { ...TAINT }]
  },
}
