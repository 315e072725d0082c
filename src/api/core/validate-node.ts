import type { Node, NodeAddress } from '../generated/types.ts'
import { duplicateValue, type Findings, forbid, internalFinding, invalidValue, required } from '../validation/findings.ts'
import { areOneOfEachFamily, cidr, plainRange } from '../validation/ip.ts'
import { validateConfigSource } from './validate-node-config.ts'
import { validateAmount } from './validate-resources.ts'
import { validateTaints } from './validate-scheduling.ts'

export function validateNode(node: Node, found: Findings): void {
  const { spec = {}, status = {} } = node
  validateAnnotations(node, found)
  // Upstream tells of both at the metadata, where taints once were.
  validateTaints(spec.taints, 'metadata.taints', found)
  validateAmounts(node, found)
  const swap = status.nodeInfo?.swap?.capacity
  if (swap !== undefined && swap <= 0)
    found.push(invalidValue('metadata.nodeSwapStatus.capacity', swap, 'must be greater than zero'))
  validateFeatures(node, found)
  validateRanges(spec.podCIDRs ?? [], found)
}

const [TAINTS, AVOID] = ['scheduler.alpha.kubernetes.io/taints', 'scheduler.alpha.kubernetes.io/preferAvoidPods']

/** Fields are made of the first no more, and nothing is of the second: they are only read. */
function validateAnnotations({ metadata }: Node, found: Findings): void {
  const field = 'metadata.annotations'
  const { [TAINTS]: taints, [AVOID]: avoided } = metadata?.annotations ?? {}
  if (taints)
    read(taints, field, TAINTS, found, (value) =>
      validateTaints(value as Parameters<typeof validateTaints>[0], `${field}.${TAINTS}`, found),
    )
  if (!avoided) return
  read(avoided, `${field}.AvoidPods`, AVOID, found, (value) => {
    const { preferAvoidPods = [] } = value as {
      preferAvoidPods?: { podSignature?: { podController?: { controller?: boolean } } }[]
    }
    for (const [index, { podSignature }] of preferAvoidPods.entries()) {
      const at = `${field}.${AVOID}[${index}].PodSignature`
      const controller = podSignature?.podController
      if (controller === undefined) found.push(required(at))
      else if (!controller.controller)
        found.push(invalidValue(`${at}.PodController.Controller`, false, 'must point to a controller'))
    }
  })
}

function read(text: string, field: string, shown: string, found: Findings, use: (value: object) => void): void {
  try {
    use(JSON.parse(text) as object)
  } catch (error) {
    found.push(invalidValue(field, shown, (error as Error).message))
  }
}

function validateAmounts({ status }: Node, found: Findings): void {
  for (const key of ['capacity', 'allocatable'] as const)
    for (const [name, value] of Object.entries(status?.[key] ?? {})) validateAmount(name, value, `status.${key}.${name}`, found)
}

const FEATURE = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/
const FEATURE_LENGTH_MAX = 253
const FEATURE_RULE =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"

/** What a kubelet says it can do (KEP-5328). */
function validateFeatures({ status }: Node, found: Findings): void {
  const features = status?.declaredFeatures ?? []
  for (const [index, feature] of features.entries()) {
    const path = (at: number): string => `status.declaredFeatures[${at}]`
    const invalid = (rule: string): void => {
      found.push(invalidValue(path(index), feature, `invalid feature name ${JSON.stringify(feature)}: ${rule}`))
    }
    if (feature.length > FEATURE_LENGTH_MAX) invalid(`must be no more than ${FEATURE_LENGTH_MAX} characters`)
    else if (!FEATURE.test(feature)) invalid(FEATURE_RULE)
    const next = features[index + 1]
    if (next === feature) found.push(duplicateValue(path(index + 1), next))
    else if (next !== undefined && feature > next)
      found.push(invalidValue(path(index + 1), next, 'list must be sorted alphabetically'))
  }
}

function validateRanges(ranges: readonly string[], found: Findings): void {
  const field = 'spec.podCIDRs'
  for (const [index, range] of ranges.entries()) cidr(range, `${field}[${index}]`, found)
  if (ranges.length < 2) return
  const broken = ranges.find((range) => plainRange(range) === undefined)
  if (broken !== undefined) {
    const why = `failed to parse cidr value:${JSON.stringify(broken)} with error:invalid CIDR address: ${broken}`
    found.push(internalFinding(field, `invalid PodCIDRs. failed to check with dual stack with error:${why}`))
  }
  if (broken !== undefined || ranges.length > 2 || !areOneOfEachFamily(ranges.map((range) => range.split('/')[0]!)))
    found.push(invalidValue(field, ranges, 'may specify no more than one CIDR for each IP family'))
}

export function validateNodeUpdate(node: Node, { spec: old = {} }: Node, found: Findings): void {
  validateAnnotations(node, found)
  validateAmounts(node, found)
  validateFeatures(node, found)
  validateAddresses(node.status?.addresses ?? [], found)
  const { spec = {}, status = {} } = node
  // Pods on the node hold addresses of the old ranges.
  if (old.podCIDRs?.length) keepRanges(spec.podCIDRs ?? [], old.podCIDRs, found)
  if (old.providerID && spec.providerID !== old.providerID)
    found.push(forbid('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  validateConfigSource(spec.configSource, 'spec.configSource', false, found)
  for (const key of ['assigned', 'active', 'lastKnownGood'] as const)
    validateConfigSource(status.config?.[key], `status.config.${key}`, true, found)
  validateTaints(spec.taints, 'metadata.taints', found)
  if ((spec.externalID ?? '') !== (old.externalID ?? '')) found.push(forbid('spec.externalID', 'may not be updated'))
}

function keepRanges(ranges: readonly string[], old: readonly string[], found: Findings): void {
  const changed = ranges.length === old.length ? old.filter((range, index) => ranges[index] !== range).length : 1
  for (let times = 0; times < changed; times++)
    found.push(forbid('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
}

/** Upstream shows a type of its own. */
function validateAddresses(addresses: readonly NodeAddress[], found: Findings): void {
  const seen = new Set<string>()
  for (const [index, { type, address }] of addresses.entries()) {
    const identity = `${type} ${address}`
    if (seen.has(identity)) found.push(duplicateValue(`status.addresses[${index}]`, { Type: type, Address: address }))
    seen.add(identity)
  }
}
