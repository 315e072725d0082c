import { defineResource } from '../define-resource.ts'
import type { Node } from '../generated/types.ts'
import { rangeWarnings } from '../validation/ip.ts'
import { nodeColumns } from './node-columns.ts'
import { validateNode, validateNodeUpdate } from './validate-node.ts'

export const nodes = defineResource<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  scope: 'Cluster',
  names: { plural: 'nodes', shortNames: ['no'] },
  subresources: {
    status: true,
    others: {
      proxy: {
        kind: 'NodeProxyOptions',
        verbs: ['create', 'get', 'patch', 'update'],
        connect: ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'],
        pathSuffix: true,
      },
    },
  },
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },
  default(draft) {
    const spec = (draft.spec ??= {})
    // Two names of one thing, of which the older one counts: clients that know only one of them set that one.
    if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
    else if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0]
    const status = (draft.status ??= {})
    if (status.capacity !== undefined) status.allocatable ??= { ...status.capacity }
  },
  keepsStatusOnCreate: true,
  // How kubelets once got their configuration: what a node has of it, it keeps.
  prepareForCreate({ spec, status }) {
    delete spec?.configSource
    delete status?.config
  },
  prepareForUpdate({ spec }, { spec: old }) {
    if (old?.configSource === undefined) delete spec?.configSource
  },
  prepareForStatusUpdate({ status }, { status: old }) {
    if (old?.config === undefined) delete status?.config
  },
  columns: nodeColumns,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateNodeUpdate,
  warnings({ spec }, _old, warnings) {
    if (spec?.configSource !== undefined) warnings.push('spec.configSource: the feature is removed')
    if (spec?.externalID) warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes')
    for (const [index, range] of (spec?.podCIDRs ?? []).entries()) rangeWarnings(range, `spec.podCIDRs[${index}]`, warnings)
  },
  schema: 'io.k8s.api.core.v1.Node',
})
