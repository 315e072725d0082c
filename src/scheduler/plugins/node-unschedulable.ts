import { type Node, nodes, type Pod, pods, tolerates } from '#api'
import { definePlugin, fits, on, podId, unresolvable } from '../framework/index.ts'

const CORDON = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }

/** Keeps pods off cordoned nodes, unless they tolerate the taint that goes with cordoning. */
export const nodeUnschedulable = definePlugin({
  name: 'NodeUnschedulable',
  filter: (pod, { node }) => (admits(node, pod) ? fits : unresolvable('node(s) were unschedulable')),
  requeueOn: [
    on(nodes, ({ before, after }, pod) => after !== undefined && admits(after, pod) && !(before && admits(before, pod))),
    on(pods, ({ after }, pod) => after !== undefined && podId(after) === podId(pod) && toleratesCordon(after)),
  ],
})

function admits(node: Node, pod: Pod): boolean {
  return !node.spec?.unschedulable || toleratesCordon(pod)
}

function toleratesCordon(pod: Pod): boolean {
  return (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, CORDON))
}
