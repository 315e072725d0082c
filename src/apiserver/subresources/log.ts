import { type Findings, readPodLogOptions, validatePodLogOptions } from '#api'
import type { TransportResponse } from '#client'
import { badRequest, failure, internalError, invalid } from '#meta'
import { callUpstream } from '../http/upstream.ts'
import { containerOf, kubeletTarget, scheduledPod } from './kubelet.ts'
import type { Subresource } from './types.ts'

const PARAMETERS = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'] as const

/** `pods/log`: passed through from the node's kubelet as it is written. */
export const log: Subresource = {
  name: 'log',
  resources: ['pods'],
  async handle(context, dependencies) {
    const { query, info, patience } = context
    refuseSenseless(query, info.name)
    const pod = await scheduledPod(context, dependencies)
    const container = containerOf(pod, query.get('container'))
    const passed = new URLSearchParams(
      PARAMETERS.flatMap((name) => (query.has(name) ? [[name, query.get(name)!] as [string, string]] : [])),
    )
    const target = kubeletTarget(pod.nodeName, dependencies)
    const path = `/containerLogs/${[info.namespace, info.name, container].map(encodeURIComponent).join('/')}?${passed}`
    const response = await callUpstream(
      { ...target, options: { ...target.options, path, method: 'GET' } },
      undefined,
      patience.signal,
    )
    if (response.status >= 400) throw await refusal(response)
    return response
  },
}

function refuseSenseless(query: URLSearchParams, name: string): void {
  const found: Findings = []
  try {
    validatePodLogOptions(readPodLogOptions(query), found)
  } catch (error) {
    throw badRequest((error as Error).message)
  }
  if (found.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, name, found)
}

const REFUSAL_BYTES_MAX = 64 * 1024

/** The kubelet refuses in plain text; clients understand a Status. */
async function refusal({ status, body }: TransportResponse): Promise<Error> {
  let said = ''
  if (body?.kind === 'stream')
    for await (const chunk of body.stream) if (said.length < REFUSAL_BYTES_MAX) said += Buffer.from(chunk).toString()
  if (status === 400) return badRequest(said)
  if (status === 500) return internalError(said)
  return failure(status, status === 404 ? 'NotFound' : status === 403 ? 'Forbidden' : 'Unauthorized', said)
}
