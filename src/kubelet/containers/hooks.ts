import type { Container, LifecycleHandler } from '#api'
import type { Clock } from '#base'
import { httpGet } from '../probes/run-probe.ts'
import type { Runtime } from '../runtimes/runtime.ts'

const HTTP_TIMEOUT_MS = 30_000

/** Runs a postStart or preStop handler to its end. Throws when it fails. */
export async function runHook(
  handler: LifecycleHandler,
  target: { readonly container: Container; readonly containerId: string; readonly podIP: string },
  { runtime, clock, signal }: { readonly runtime: Runtime; readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  signal?.throwIfAborted()
  if (handler.exec !== undefined) {
    const command = handler.exec.command ?? []
    const { exitCode, stdout, stderr } = await orAborted(runtime.execSync(target.containerId, command, 0), signal)
    if (exitCode !== 0)
      throw new Error(
        `Exec lifecycle hook (${JSON.stringify(handler.exec.command)}) failed - error: command exited with ${exitCode}, message: ${JSON.stringify(Buffer.concat([stdout, stderr]).toString())}`,
      )
  } else if (handler.httpGet !== undefined) {
    if (runtime.answerProbe !== undefined) return
    const { container, podIP } = target
    const { status } = await orAborted(httpGet(handler.httpGet, container, podIP, HTTP_TIMEOUT_MS, 'kube-lifecycle/1.36'), signal)
    if (status >= 400) throw new Error(`HTTP lifecycle hook failed with status ${status}`)
  } else if (handler.sleep !== undefined) {
    await clock.sleep(handler.sleep.seconds * 1000, { signal })
  }
}

/** The work's outcome, unless the signal aborts first; the work itself then goes on unheard. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  promise.catch(() => undefined)
  work.catch(() => undefined)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
