import { endpointSlices, type Node, nodes, type ResourceDefinition } from '#api'
import type { Client, SelectorOptions } from '#client'
import { isGone, type KubernetesObject, keyOf } from '#meta'

/**
 * Resolves once `count` nodes are Ready and, when `dns` is set, cluster DNS has a ready endpoint. Follows watches; nothing is polled.
 * Calls `progress` when the number of Ready nodes changes.
 */
export async function waitUntilReady(
  client: Client,
  wanted: { readonly count: number; readonly dns: boolean },
  options: { readonly signal: AbortSignal; readonly progress: (ready: number) => void },
): Promise<void> {
  await follow(client, nodes, {}, options.signal, (current) => {
    const ready = [...current.values()].filter(isNodeReady).length
    options.progress(ready)
    return ready >= wanted.count
  })
  if (!wanted.dns) return
  const selector = { namespace: 'kube-system', labelSelector: 'kubernetes.io/service-name=kube-dns' }
  await follow(client, endpointSlices, selector, options.signal, (current) =>
    [...current.values()].some((slice) => slice.endpoints?.some((endpoint) => endpoint.conditions?.ready !== false)),
  )
}

export function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

/** Lists and watches until `enough` says so; starts over when a watch ends. */
async function follow<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  selector: SelectorOptions,
  signal: AbortSignal,
  enough: (current: ReadonlyMap<string, T>) => boolean,
): Promise<void> {
  for (;;) {
    const list = await client.list(resource, { ...selector, signal })
    const current = new Map(list.items.map((item) => [keyOf(item), item]))
    if (enough(current)) return
    try {
      for await (const event of client.watch(resource, { ...selector, resourceVersion: list.metadata.resourceVersion, signal })) {
        if (event.type === 'BOOKMARK') continue
        if (event.type === 'DELETED') current.delete(keyOf(event.object))
        else current.set(keyOf(event.object), event.object)
        if (enough(current)) return
      }
    } catch (error) {
      // History that is gone: the next list has the state.
      if (!isGone(error)) throw error
    }
  }
}
