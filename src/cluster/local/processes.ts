import { compileSooner } from '#base'
import { reportToStarter } from './daemon.ts'

/**
 * Runs `start`, tells whoever spawned this process how it went, and disposes of what it made when the process is told to end. Told so again, it ends at once,
 * as upstream's do. Rejects with the error that `stop` was given, if any.
 */
export async function runProcess(start: (stop: (error?: Error) => void) => Promise<AsyncDisposable>): Promise<void> {
  const ending = Promise.withResolvers<Error | undefined>()
  let told = false
  const onSignal = (): void => {
    if (told) process.exit(1)
    told = true
    ending.resolve(undefined)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  using _listeners = { [Symbol.dispose]: () => void process.off('SIGTERM', onSignal).off('SIGINT', onSignal) }
  const starting = start((error) => ending.resolve(error))
  try {
    const first = await Promise.race([starting.then(() => 'started' as const), ending.promise.then(() => 'ended' as const)])
    // Told to end while it still waits for others: it holds nothing yet that needs more than the process's end.
    if (first === 'ended') endNow(await ending.promise)
  } catch (error) {
    reportToStarter({ error: error instanceof Error ? error.message : String(error) })
    throw error
  }
  // Not before: starting would take a quarter more CPU.
  compileSooner()
  reportToStarter({ ready: true })
  const failure = await ending.promise
  await (await starting)[Symbol.asyncDispose]()
  if (failure !== undefined) throw failure
}

function endNow(failure: Error | undefined): never {
  if (failure === undefined) process.exit(0)
  reportToStarter({ error: failure.message })
  process.stderr.write(`t8s: ${failure.message}\n`)
  process.exit(1)
}
