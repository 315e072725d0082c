import { nodes, type Pod, pods } from '#api'
import { definePlugin, fits, type HostPort, type NodeInfo, on, podInfo, skip, unschedulable } from '../framework/index.ts'

/** Keeps pods apart that want the same host port. */
export const nodePorts = definePlugin<readonly HostPort[]>({
  name: 'NodePorts',
  preFilter(_pod, { info }) {
    return info.hostPorts.length === 0 ? skip : { kind: 'state', state: info.hostPorts }
  },
  filter: (_pod, node, wanted) =>
    conflicts(wanted, node) ? unschedulable("node(s) didn't have free ports for the requested pod ports") : fits,
  requeueOn: [
    on(pods, ({ before, after }, pod) => before?.spec?.nodeName !== undefined && after === undefined && collides(before, pod)),
    on(nodes, ({ before, after }) => before === undefined && after !== undefined),
  ],
})

function conflicts(wanted: readonly HostPort[], node: NodeInfo): boolean {
  for (const { hostPorts } of node.pods.values())
    if (hostPorts.some((taken) => wanted.some((want) => clash(taken, want)))) return true
  return false
}

function collides(gone: Pod, pod: Pod): boolean {
  return podInfo(gone).hostPorts.some((taken) => podInfo(pod).hostPorts.some((want) => clash(taken, want)))
}

/** 0.0.0.0 stands for every address of the node. */
function clash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0')
}
