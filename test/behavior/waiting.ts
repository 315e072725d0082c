import assert from 'node:assert/strict'
import type { ResourceDefinition } from '#api'
import type { Client, SelectorOptions, WatchEvent } from '#client'
import { type KubernetesObject, type ObjectKey, StatusError, type StatusReason, splitKey } from '#meta'

/** Upstream clusters are slower than ours; nothing that works takes this long on either. */
const DEADLINE_MS = 30_000

/** Resolves with the first state of an object of which `holds` is true (undefined: there is none). Misses no state in between. */
export async function until<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  key: ObjectKey,
  holds: (object: T | undefined) => boolean,
): Promise<T | undefined> {
  const { namespace, name } = splitKey(key)
  const options = { namespace, fieldSelector: `metadata.name=${name}` }
  const { items, metadata } = await client.list(resource, options)
  let state = items[0]
  if (holds(state)) return state
  await using observed = observe(client, resource, { ...options, resourceVersion: metadata.resourceVersion! })
  await observed.next(({ type, object }) => {
    state = type === 'DELETED' ? undefined : (object as T)
    return holds(state)
  })
  return state
}

/** Resolves with the first list of which `holds` is true, looked at again after every change to what it selects. */
export async function untilList<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  options: SelectorOptions,
  holds: (items: readonly T[]) => boolean,
): Promise<readonly T[]> {
  let { items, metadata } = await client.list(resource, options)
  if (holds(items)) return items
  await using observed = observe(client, resource, { ...options, resourceVersion: metadata.resourceVersion! })
  while (!holds(items)) {
    await observed.next(() => true)
    items = (await client.list(resource, options)).items
  }
  return items
}

/** Resolves with the first answer of which `holds` is true, for what nobody can watch: it is asked for again as soon as it came. */
export async function untilAnswer<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  for (;;) {
    const answer = await ask()
    if (holds(answer)) return answer
    deadline.throwIfAborted()
  }
}

/** A watch that a test reads event by event. */
export interface Observed<T> extends AsyncDisposable {
  /** The next event that `matches`, leaving out those before it; fails when none comes in time. */
  next(matches: (event: WatchEvent<T>) => boolean): Promise<WatchEvent<T>>
}

export function observe<T extends KubernetesObject>(
  client: Client,
  resource: ResourceDefinition<T>,
  options: SelectorOptions & { readonly resourceVersion: string },
): Observed<T> {
  const controller = new AbortController()
  const events = client.watch(resource, { ...options, signal: controller.signal })[Symbol.asyncIterator]()
  return {
    async next(matches) {
      const seen: string[] = []
      const deadline = AbortSignal.timeout(DEADLINE_MS)
      const stop = (): void => controller.abort(deadline.reason)
      deadline.addEventListener('abort', stop, { once: true })
      try {
        for (;;) {
          const { done, value } = await events.next()
          if (done) throw new Error(`the watch of ${resource.names.plural} ended; seen so far: ${seen.join(', ')}`)
          if (matches(value)) return value
          seen.push(`${value.type} ${value.object.metadata?.name}`)
        }
      } finally {
        deadline.removeEventListener('abort', stop)
      }
    },
    async [Symbol.asyncDispose]() {
      controller.abort()
      await events.return?.()
    },
  }
}

/** The refusal that a call must meet. */
export async function refusal(call: Promise<unknown>, reason: StatusReason): Promise<StatusError> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    assert.equal(error.reason, reason, error.message)
    return error
  }
  throw new Error(`the call was accepted; ${reason} was expected`)
}
