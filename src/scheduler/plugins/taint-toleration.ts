import { type Node, nodes, type Pod, pods } from '#api'
import { definePlugin, fits, on, podId, unresolvable, untolerated } from '../framework/index.ts'

/** Keeps pods off nodes whose taints they do not tolerate, and prefers nodes with fewer soft taints. */
export const taintToleration = definePlugin({
  name: 'TaintToleration',
  // Unresolvable: evicting other pods removes no taint, so preemption is pointless.
  filter: (pod, { node }) => (admits(node, pod) ? fits : unresolvable('node(s) had untolerated taint(s)')),
  score: (pod, { node }) => {
    // Here a toleration without an effect counts, one for another effect does not: `untolerated` sees to both.
    return untolerated(pod, node.spec?.taints, ['PreferNoSchedule']).length
  },
  normalize: 'descending',
  // A rejected pod deserves another attempt only when some node now lets it in.
  requeueOn: [
    on(nodes, ({ before, after }, pod) => after !== undefined && admits(after, pod) && !(before && admits(before, pod))),
    on(pods, ({ after }, pod) => after !== undefined && podId(after) === podId(pod)),
  ],
})

function admits(node: Node, pod: Pod): boolean {
  return untolerated(pod, node.spec?.taints, ['NoSchedule', 'NoExecute']).length === 0
}
