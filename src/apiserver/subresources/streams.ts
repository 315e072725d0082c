import type { TransportResponse } from '#client'
import { badRequest } from '#meta'
import type { RequestContext } from '../context.ts'
import { admitConnect, authorizeStream } from './connect.ts'
import { containerOf, kubeletTarget, scheduledPod } from './kubelet.ts'
import type { ConnectTarget, HandlerDependencies, Subresource } from './types.ts'

/** `exec`, `attach` and `portforward` are upgrades; a plain request for them is a mistake. */
async function upgradeRequired(
  context: RequestContext,
  { registry, authorizers }: HandlerDependencies,
): Promise<TransportResponse> {
  await authorizeStream(context, authorizers)
  await admitConnect(context, registry)
  throw badRequest('Upgrade request required')
}

export const exec: Subresource = { name: 'exec', resources: ['pods'], handle: upgradeRequired }
export const attach: Subresource = { name: 'attach', resources: ['pods'], handle: upgradeRequired }
export const portForward: Subresource = { name: 'portforward', resources: ['pods'], handle: upgradeRequired }

const STREAM_PARAMETERS = ['stdin', 'stdout', 'stderr', 'tty'] as const
/** The kubelet's names for them. */
const KUBELET_PARAMETERS = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const

/** Where the bytes of a pod's stream go: the kubelet speaks WebSocket and SPDY itself. */
export async function streamTarget(context: RequestContext, dependencies: HandlerDependencies): Promise<ConnectTarget> {
  await authorizeStream(context, dependencies.authorizers)
  await admitConnect(context, dependencies.registry)
  const pod = await scheduledPod(context, dependencies)
  const { query, info } = context
  const target = kubeletTarget(pod.nodeName, dependencies)
  const parts = [info.namespace, info.name]
  const passed = new URLSearchParams()
  if (info.subresource === 'portforward') {
    for (const port of query.getAll('ports')) passed.append('port', port)
  } else {
    parts.push(containerOf(pod, query.get('container')))
    for (const name of STREAM_PARAMETERS) if (isOn(query.get(name))) passed.set(KUBELET_PARAMETERS[name], '1')
    if (info.subresource === 'exec') for (const word of query.getAll('command')) passed.append('command', word)
  }
  const endpoint = info.subresource === 'portforward' ? 'portForward' : info.subresource
  const path = `/${endpoint}/${parts.map(encodeURIComponent).join('/')}?${passed}`
  return { ...target, options: { ...target.options, path } }
}

const isOn = (value: string | null): boolean => value === 'true' || value === '1'
