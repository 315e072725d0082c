import type { Log } from '#base'
import { startSchedulerOn } from '../scheduling.ts'
import type { ComponentContext } from './component.ts'
import { type Clients, connectBy } from './connection.ts'
import type { ElectionOptions } from './controller-manager.ts'
import { standForElection } from './election.ts'

export interface SchedulerProcessOptions {
  readonly kubeconfig: string
  readonly election: ElectionOptions | undefined
}

/** A scheduler alone in its process, against any API server. */
export async function startSchedulerProcess(
  options: SchedulerProcessOptions,
  context: ComponentContext,
): Promise<AsyncDisposable> {
  const { clock, random, log, stop } = context
  await using stack = new AsyncDisposableStack()
  const connection = stack.use(await connectBy(options.kubeconfig, 'kube-scheduler', { clock, log }))
  const start = async ({ client }: Clients, log: Log): Promise<AsyncDisposable> => {
    const running = await startSchedulerOn(client, { clock, random, log })
    log.info('The scheduler runs', {})
    return running
  }
  if (options.election === undefined) stack.use(await start(connection, log))
  else {
    const election = { ...options.election, client: connection.client, clock, random, log, onLost: stop }
    const candidacy = stack.use(standForElection(election, (leadership, log) => start(connection.fenced(leadership), log)))
    candidacy.leading.catch((error: Error) => stop(error))
  }
  return stack.move()
}
