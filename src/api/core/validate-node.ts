import { isIP } from 'node:net'
import { deepEqual } from '#base'
import { parseQuantity } from '#meta'
import type { Node } from '../generated/types.ts'
import { quantity } from '../validation/common.ts'
import { duplicateValue, type Findings, forbid, invalidValue } from '../validation/findings.ts'
import { cidr } from '../validation/ip.ts'
import { isExtendedResource } from './validate-resources.ts'
import { validateTaints } from './validate-scheduling.ts'

/** Upstream tells of taints at the metadata, where they once were. */
export function validateNode({ spec = {}, status = {} }: Node, found: Findings): void {
  validateTaints(spec.taints, 'metadata.taints', found)
  for (const key of ['capacity', 'allocatable'] as const)
    for (const [name, value] of Object.entries(status[key] ?? {})) validateAmount(name, value, `status.${key}.${name}`, found)
  const ranges = spec.podCIDRs ?? []
  for (const [index, range] of ranges.entries()) cidr(range, `spec.podCIDRs[${index}]`, found)
  if (ranges.length < 2) return
  const families = new Set(ranges.map((range) => isIP(range.split('/')[0]!)))
  if (ranges.length > 2 || families.size < 2)
    found.push(invalidValue('spec.podCIDRs', ranges, 'may specify no more than one CIDR for each IP family'))
  for (const [index, range] of ranges.entries())
    if (ranges.indexOf(range) < index) found.push(duplicateValue(`spec.podCIDRs[${index}]`, range))
}

function validateAmount(name: string, value: string, field: string, found: Findings): void {
  const before = found.length
  quantity(value, field, found)
  if (
    found.length === before &&
    (isExtendedResource(name) || name === 'pods') &&
    parseQuantity(value).nanos % 1_000_000_000n !== 0n
  )
    found.push(invalidValue(field, value, 'must be an integer'))
}

export function validateNodeUpdate(node: Node, { spec: old = {} }: Node, found: Findings): void {
  validateAddresses(node, found)
  const { spec = {} } = node
  // Pods on the node hold addresses of the old range.
  if (old.podCIDRs?.length && !deepEqual(spec.podCIDRs, old.podCIDRs))
    found.push(forbid('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  if (old.providerID && spec.providerID !== old.providerID)
    found.push(forbid('spec.providerID', 'node updates may not change providerID except from "" to valid'))
}

/** What a kubelet reports of its node. */
export function validateNodeStatus(node: Node, found: Findings): void {
  validateNode(node, found)
  validateAddresses(node, found)
}

function validateAddresses({ status }: Node, found: Findings): void {
  const addresses = status?.addresses ?? []
  for (const [index, address] of addresses.entries())
    if (addresses.findIndex((each) => deepEqual(each, address)) < index)
      found.push(duplicateValue(`status.addresses[${index}]`, address))
}
