import type { Clock, Log, Random } from '#base'
import { type Client, EventRecorder, Informers } from '#client'
import { startScheduler } from '#scheduler'

/** A scheduler with informers and a recorder of its own. */
export async function startSchedulerOn(
  client: Client,
  { clock, random, log }: { readonly clock: Clock; readonly random: Random; readonly log: Log },
): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const sources = stack.use(new Informers({ client, clock, random, log }))
  const recorder = stack.use(new EventRecorder({ client, clock, random, log, component: 'default-scheduler' }))
  stack.use(await startScheduler({ client, clock, random, log, sources, recorder }))
  return stack.move()
}
