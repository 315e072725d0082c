import { pods } from '#api'
import { definePlugin, fits, on, podId, unresolvable } from '../framework/index.ts'

/** Holds a pod back until every one of its scheduling gates has been removed. */
export const schedulingGates = definePlugin({
  name: 'SchedulingGates',
  preEnqueue(pod) {
    const gates = (pod.spec?.schedulingGates ?? []).map(({ name }) => name)
    return gates.length === 0 ? fits : unresolvable(`waiting for scheduling gates: [${gates.join(' ')}]`)
  },
  requeueOn: [on(pods, ({ after }, pod) => after !== undefined && podId(after) === podId(pod))],
})
