import { age, name, orNone, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { Node } from '../generated/types.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'
const ROLE = 'kubernetes.io/role'

export const nodeColumns: readonly Column<Node>[] = [
  name,
  text('Status', statusOf, 'The status of the node'),
  text('Roles', rolesOf, 'The roles of the node'),
  age,
  text('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? '', 'core.v1.NodeSystemInfo#kubeletVersion'),
  wide('Internal-IP', (node) => orNone(addressOf(node, 'InternalIP')), 'core.v1.NodeStatus#addresses'),
  wide('External-IP', (node) => orNone(addressOf(node, 'ExternalIP')), 'core.v1.NodeStatus#addresses'),
  wide('OS-Image', ({ status }) => status?.nodeInfo?.osImage || '<unknown>', 'core.v1.NodeSystemInfo#osImage'),
  wide('Kernel-Version', ({ status }) => status?.nodeInfo?.kernelVersion || '<unknown>', 'core.v1.NodeSystemInfo#kernelVersion'),
  wide(
    'Container-Runtime',
    ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>',
    'core.v1.NodeSystemInfo#containerRuntimeVersion',
  ),
]

function statusOf({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word
}

function rolesOf({ metadata }: Node): string {
  const roles = Object.entries(metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return key.slice(ROLE_PREFIX.length)
    return key === ROLE ? value : []
  })
  const distinct = [...new Set(roles.filter((role) => role !== ''))]
  return orNone(distinct.sort().join(','))
}

const addressOf = ({ status }: Node, type: string): string | undefined =>
  status?.addresses?.find((address) => address.type === type)?.address
