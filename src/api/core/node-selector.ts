import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../generated/types.ts'

/** What a pod demands of its node's labels: `nodeSelector` and the required node affinity, both. */
export function admitsNode(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || selectsNode(required, node)
}

/** Terms are alternatives; a selector without terms selects nothing. */
export function selectsNode(selector: NodeSelector, node: Node): boolean {
  return (selector.nodeSelectorTerms ?? []).some((term) => termSelectsNode(term, node))
}

/** Requirements of a term hold together; a term without any selects nothing. */
export function termSelectsNode(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term
  if (matchExpressions.length + matchFields.length === 0) return false
  const labels = node.metadata?.labels ?? {}
  const fields = { 'metadata.name': node.metadata?.name ?? '' }
  return (
    matchExpressions.every((requirement) => holds(requirement, labels)) &&
    matchFields.every((requirement) => holds(requirement, fields))
  )
}

function holds({ key, operator, values = [] }: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return compares(value, values[0], (have, bound) => have > bound)
    case 'Lt':
      return compares(value, values[0], (have, bound) => have < bound)
    default:
      return false
  }
}

const INTEGER = /^[+-]?\d+$/

function compares(
  value: string | undefined,
  bound: string | undefined,
  test: (value: bigint, bound: bigint) => boolean,
): boolean {
  return (
    value !== undefined && bound !== undefined && INTEGER.test(value) && INTEGER.test(bound) && test(BigInt(value), BigInt(bound))
  )
}
