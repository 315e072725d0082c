import type { Clock } from '#base'
import type { Source } from '#client'
import { type KubernetesObject, keyOf } from '#meta'

/** How long a provisioner may take. */
const TIMEOUT_MS = 600_000

/** Waits, without asking, until the object is as wanted. Rejects when it is deleted, or after ten minutes. */
export function untilObject<T extends KubernetesObject>(
  source: Source<T>,
  clock: Clock,
  key: string,
  wanted: (object: T) => boolean,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stack = new DisposableStack()
    const finish = (error?: unknown): void => {
      stack.dispose()
      if (error === undefined) resolve()
      else reject(error)
    }
    const onAbort = (): void => finish(signal.reason)
    stack.use(clock.after(TIMEOUT_MS, () => finish(new Error(`binding volumes: ${key} was not bound in time`))))
    signal.addEventListener('abort', onAbort, { once: true })
    stack.defer(() => signal.removeEventListener('abort', onAbort))
    const current = source.get(key)
    if (current !== undefined && wanted(current)) return finish()
    stack.use(
      source.onChange(({ before, after }) => {
        if (after !== undefined && keyOf(after) === key && wanted(after)) finish()
        else if (after === undefined && before !== undefined && keyOf(before) === key)
          finish(new Error(`binding volumes: persistentvolumeclaim ${key} was deleted`))
      }),
    )
  })
}
