import { systemClock } from '#base'
import type { Store } from '#store'

/** A store that outlives the servers which close it, as a disk would. */
export function keptStore(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === Symbol.asyncDispose) return async () => undefined
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const EVENTUALLY_MS = 60_000

/** Resolves once `holds`, which waits for files or sockets: things outside of a virtual clock. Rejects when that takes a minute. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = systemClock.monotonic() + EVENTUALLY_MS
  while (!(await holds())) {
    if (systemClock.monotonic() > endMs) throw new Error(`this did not come true within a minute: ${holds}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
