import { reportToStarter } from './daemon.ts'

/** Runs `start`, tells whoever spawned this process how it went, and disposes of what it made when the process is told to end. */
export async function runProcess(start: (stop: () => void) => Promise<AsyncDisposable>): Promise<void> {
  const ending = Promise.withResolvers<void>()
  const stop = (): void => ending.resolve()
  process.once('SIGTERM', stop).once('SIGINT', stop)
  let running: AsyncDisposable
  try {
    running = await start(stop)
  } catch (error) {
    reportToStarter({ error: error instanceof Error ? error.message : String(error) })
    throw error
  }
  reportToStarter({ ready: true })
  await ending.promise
  await running[Symbol.asyncDispose]()
}
