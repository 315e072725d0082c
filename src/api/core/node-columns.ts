import { age, name, orNone, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { Node } from '../generated/types.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'
const ROLE = 'kubernetes.io/role'

export const nodeColumns: readonly Column<Node>[] = [
  name,
  text('Status', statusOf),
  text('Roles', rolesOf),
  age,
  text('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  wide('Internal-IP', (node) => orNone(addressOf(node, 'InternalIP'))),
  wide('External-IP', (node) => orNone(addressOf(node, 'ExternalIP'))),
  wide('OS-Image', ({ status }) => status?.nodeInfo?.osImage || '<unknown>'),
  wide('Kernel-Version', ({ status }) => status?.nodeInfo?.kernelVersion || '<unknown>'),
  wide('Container-Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || '<unknown>'),
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
