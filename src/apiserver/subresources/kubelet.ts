import { type Node, nodes, type Pod } from '#api'
import { badRequest, failure } from '#meta'
import type { RequestContext } from '../context.ts'
import { kubeletAddress } from '../node-connection.ts'
import type { ConnectTarget, HandlerDependencies } from './types.ts'

/** The kubelet of a node, as the target of a request with our client certificate. */
export function kubeletTarget(nodeName: string, { registry, nodes: connection }: HandlerDependencies): ConnectTarget {
  const node = registry.cache.of(nodes).get(nodeName)?.object as Node | undefined
  if (node === undefined) throw failure(404, 'NotFound', `nodes "${nodeName}" not found`, { kind: 'nodes', name: nodeName })
  if (connection === undefined) throw failure(503, 'ServiceUnavailable', 'this API server has no credentials for kubelets')
  const { host, port } = kubeletAddress(node)
  const { certificate, key, ca } = connection
  return { secure: true, options: { host, port, cert: certificate, key, ca, servername: '' } }
}

/** The pod a subresource is about, once it has a node. */
export async function scheduledPod(
  context: RequestContext,
  { registry }: HandlerDependencies,
): Promise<Pod & { readonly nodeName: string }> {
  const { info, resource } = context
  const pod = (await registry.get(resource, info.namespace, info.name)).object as Pod
  const nodeName = pod.spec?.nodeName
  if (!nodeName) throw badRequest(`pod ${info.name} does not have a host assigned`)
  return { ...pod, nodeName }
}

/** The container that was named, or the only one; an annotation names a default. */
export function containerOf(pod: Pod, requested: string | null): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {}
  const all = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name)
  const podName = pod.metadata?.name ?? ''
  if (requested) {
    if (!all.includes(requested)) throw badRequest(`container ${requested} is not valid for pod ${podName}`)
    return requested
  }
  if (containers.length === 1) return containers[0]!.name
  const choices = containers.map(({ name }) => name).join(' ')
  const inits =
    initContainers.length > 0 ? ` or one of the init containers: [${initContainers.map(({ name }) => name).join(' ')}]` : ''
  throw badRequest(`a container name must be specified for pod ${podName}, choose one of: [${choices}]${inits}`)
}
