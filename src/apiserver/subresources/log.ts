import { callUpstream } from '../http/upstream.ts'
import { containerOf, kubeletTarget, scheduledPod } from './kubelet.ts'
import type { Subresource } from './types.ts'

const PARAMETERS = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'] as const

/** `pods/log`: passed through from the node's kubelet as it is written. */
export const log: Subresource = {
  name: 'log',
  resources: ['pods'],
  async handle(context, dependencies) {
    const pod = await scheduledPod(context, dependencies)
    const { query, info, signal } = context
    const container = containerOf(pod, query.get('container'))
    const passed = new URLSearchParams(
      PARAMETERS.flatMap((name) => (query.has(name) ? [[name, query.get(name)!] as [string, string]] : [])),
    )
    const target = kubeletTarget(pod.nodeName, dependencies)
    const path = `/containerLogs/${[info.namespace, info.name, container].map(encodeURIComponent).join('/')}?${passed}`
    return callUpstream({ ...target, options: { ...target.options, path, method: 'GET' } }, undefined, signal)
  },
}
