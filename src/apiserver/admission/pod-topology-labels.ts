import { type Binding, type Node, nodes } from '#api'
import type { AdmissionPlugin } from './types.ts'

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']

/** A pod that is bound learns the zone and region of its node (KEP-4742). */
export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  operations: ['CREATE'],
  async mutate({ kind, resource, subresource, object }, { cache }) {
    const isBinding = kind.kind === 'Binding' && (resource.names.plural === 'bindings' || subresource === 'binding')
    if (!isBinding || object === undefined) return
    const { target } = object as Binding
    if (target.kind !== undefined && target.kind !== '' && target.kind !== 'Node') return
    await cache.current()
    const labels = (cache.of(nodes).get(target.name ?? '')?.object as Node | undefined)?.metadata?.labels
    for (const key of LABELS) {
      const value = labels?.[key]
      if (value !== undefined) object.metadata = { ...object.metadata, labels: { ...object.metadata?.labels, [key]: value } }
    }
  },
}
