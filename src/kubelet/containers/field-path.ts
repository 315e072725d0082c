import { type Container, type Node, type Pod, podLimits, podRequests } from '#api'
import { milliValue, parseQuantity, quantityValue } from '#meta'

/** What only the kubelet knows of a pod when its first container starts. */
export interface PodFacts {
  readonly podIPs: readonly string[]
  readonly hostIPs: readonly string[]
  readonly node: Node | undefined
}

/** The value of a downward API field; undefined for a path that is none. */
export function fieldValue(pod: Pod, path: string, facts: PodFacts): string | undefined {
  const { metadata, spec } = pod
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (subscript !== null) return metadata?.[subscript[1] as 'labels' | 'annotations']?.[subscript[2]!] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata?.name ?? ''
    case 'metadata.namespace':
      return metadata?.namespace ?? ''
    case 'metadata.uid':
      return metadata?.uid ?? ''
    case 'metadata.labels':
      return printMap(metadata?.labels)
    case 'metadata.annotations':
      return printMap(metadata?.annotations)
    case 'spec.nodeName':
      return spec?.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? ''
    case 'status.podIP':
      return facts.podIPs[0] ?? ''
    case 'status.podIPs':
      return facts.podIPs.join(',')
    case 'status.hostIP':
      return facts.hostIPs[0] ?? ''
    case 'status.hostIPs':
      return facts.hostIPs.join(',')
    default:
      return undefined
  }
}

/** `key="value"` lines, sorted, values escaped. */
const printMap = (map: Readonly<Record<string, string>> = {}): string =>
  Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')

/** A container's limit or request in units of the divisor, rounded up; an absent limit is what the node can give. */
export function resourceValue(
  pod: Pod,
  container: Container | undefined,
  resource: string,
  divisor: string | undefined,
  node: Node | undefined,
): string | undefined {
  const [kind, name = ''] = splitResource(resource)
  if (kind !== 'limits' && kind !== 'requests') return undefined
  const own =
    container === undefined
      ? kind === 'limits'
        ? podLimits(pod)[name]
        : podRequests(pod)[name]
      : container.resources?.[kind]?.[name]
  const value = own ?? (kind === 'limits' ? node?.status?.allocatable?.[name] : undefined) ?? '0'
  const by = divisor && divisor !== '0' ? divisor : '1'
  if (name === 'cpu') return String(Math.ceil(milliValue(value) / milliValue(by)))
  const [numerator, denominator] = [parseQuantity(value).nanos, parseQuantity(by).nanos]
  if (denominator === 0n) return String(quantityValue(value))
  return String((numerator + denominator - 1n) / denominator)
}

function splitResource(resource: string): [kind: string, name: string | undefined] {
  const dot = resource.indexOf('.')
  return [resource.slice(0, dot), resource.slice(dot + 1)]
}
