import { type NodeSelectorTerm, nodes, type Pod, type PreferredSchedulingTerm } from '#api'
import { admitsNode, definePlugin, fits, on, type PreFiltered, skip, termSelectsNode, unresolvable } from '../framework/index.ts'

/** `nodeSelector` and node affinity: required terms choose among nodes, preferred ones add their weights. */
export const nodeAffinity = definePlugin<undefined, readonly PreferredSchedulingTerm[]>({
  name: 'NodeAffinity',
  preFilter(pod): PreFiltered<undefined> {
    const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    const { nodeSelector } = pod.spec ?? {}
    if (required === undefined && Object.keys(nodeSelector ?? {}).length === 0) return skip
    const nodeNames = required && namesIn(required.nodeSelectorTerms)
    if (nodeNames?.size === 0) return unresolvable('pod affinity terms conflict')
    return { kind: 'state', state: undefined, nodeNames }
  },
  filter: (pod, { node }) => (admitsNode(pod, node) ? fits : unresolvable("node(s) didn't match Pod's node affinity/selector")),
  preScore(pod) {
    const preferred = preferredTerms(pod)
    return preferred.length === 0 ? skip : { kind: 'state', state: preferred }
  },
  score: (_pod, { node }, preferred) =>
    preferred.reduce((sum, { weight, preference }) => (selects(preference, node) ? sum + weight : sum), 0),
  normalize: 'ascending',
  requeueOn: [
    on(nodes, ({ before, after }, pod) => after !== undefined && admitsNode(pod, after) && !(before && admitsNode(pod, before))),
  ],
})

/** An empty preference selects every node, unlike an empty required term. */
function selects(term: NodeSelectorTerm, node: Parameters<typeof termSelectsNode>[1]): boolean {
  const empty = (term.matchExpressions ?? []).length + (term.matchFields ?? []).length === 0
  return empty || termSelectsNode(term, node)
}

function preferredTerms(pod: Pod): readonly PreferredSchedulingTerm[] {
  return pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
}

/**
 * Nodes that the terms name by `metadata.name`, as DaemonSet pods do; undefined when a term leaves the name open. Spares
 * looking at every node of a large cluster.
 */
function namesIn(terms: readonly NodeSelectorTerm[]): Set<string> | undefined {
  const names = new Set<string>()
  for (const { matchFields = [] } of terms) {
    const lists = matchFields
      .filter(({ key, operator }) => key === 'metadata.name' && operator === 'In')
      .map(({ values }) => values ?? [])
    if (lists.length === 0) return undefined
    for (const name of lists[0]!) if (lists.every((list) => list.includes(name))) names.add(name)
  }
  return terms.length === 0 ? undefined : names
}
