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
  if (handler.exec !== undefined) {
    const { exitCode, stdout, stderr } = await runtime.execSync(target.containerId, handler.exec.command ?? [], 0)
    if (exitCode !== 0)
      throw new Error(
        `Exec lifecycle hook (${JSON.stringify(handler.exec.command)}) failed - error: command exited with ${exitCode}, message: ${JSON.stringify(Buffer.concat([stdout, stderr]).toString())}`,
      )
  } else if (handler.httpGet !== undefined) {
    if (runtime.answerProbe !== undefined) return
    const { status } = await httpGet(handler.httpGet, target.container, target.podIP, HTTP_TIMEOUT_MS, 'kube-lifecycle/1.36')
    if (status >= 400) throw new Error(`HTTP lifecycle hook failed with status ${status}`)
  } else if (handler.sleep !== undefined) {
    await clock.sleep(handler.sleep.seconds * 1000, { signal })
  }
}
