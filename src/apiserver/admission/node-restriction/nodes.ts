import type { Node } from '#api'
import { deepEqual } from '#base'
import type { Restriction } from './index.ts'

const RESTRICTED = 'node-restriction.kubernetes.io'
const KUBERNETES = ['kubernetes.io', 'k8s.io']
const KUBELET_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io']
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
])

export const restrictNode: Restriction = function* (node, { name, operation, object, oldObject }) {
  const own = JSON.stringify(node)
  if (name !== node) yield `node ${own} is not allowed to modify node ${JSON.stringify(name)}`
  const [now, before] = [object as Node | undefined, oldObject as Node | undefined]
  if (operation === 'CREATE') {
    const labels = forbiddenLabels(now?.metadata?.labels, undefined)
    if (labels.length > 0) yield `node ${own} is not allowed to set the following labels: ${labels.join(', ')}`
  }
  if (operation !== 'UPDATE') return
  const source = now?.spec?.configSource
  if (source !== undefined && !deepEqual(source, before?.spec?.configSource))
    yield `node ${own} is not allowed to update configSource to a new non-nil configSource`
  if (!deepEqual(now?.spec?.taints ?? [], before?.spec?.taints ?? [])) yield `node ${own} is not allowed to modify taints`
  if (!deepEqual(now?.metadata?.ownerReferences ?? [], before?.metadata?.ownerReferences ?? []))
    yield `node ${own} is not allowed to modify ownerReferences`
  const labels = forbiddenLabels(now?.metadata?.labels, before?.metadata?.labels)
  if (labels.length > 0) yield `is not allowed to modify labels: ${labels.join(', ')}`
}

/** Labels that changed and that a kubelet could steer workloads to itself with. */
function forbiddenLabels(
  now: Readonly<Record<string, string>> = {},
  before: Readonly<Record<string, string>> = {},
): readonly string[] {
  const keys = new Set([...Object.keys(now), ...Object.keys(before)])
  return [...keys].filter((key) => now[key] !== before[key] && isForbidden(key)).sort()
}

function isForbidden(key: string): boolean {
  const namespace = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
  if (isWithin(namespace, RESTRICTED)) return true
  if (!KUBERNETES.some((each) => isWithin(namespace, each))) return false
  return !KUBELET_LABELS.has(key) && !KUBELET_NAMESPACES.some((each) => isWithin(namespace, each))
}

const isWithin = (namespace: string, domain: string): boolean => namespace === domain || namespace.endsWith(`.${domain}`)
