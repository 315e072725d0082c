import type { FeatureGates, Log } from '#base'
import { type NodeMaskSizes, type Signing, startControllers } from '#controllers'
import { tokenSigner } from '../token-signer.ts'
import type { ComponentContext } from './component.ts'
import { type Clients, connectBy } from './connection.ts'
import { type Election, standForElection } from './election.ts'

/** How a component stands for election; undefined: it leads at once. */
export type ElectionOptions = Pick<Election, 'lease' | 'identity' | 'leaseMs' | 'renewMs' | 'retryMs'>

export interface ControllerManagerProcessOptions {
  readonly kubeconfig: string
  /** Each controller acts as its own service account instead of as the kubeconfig's user. */
  readonly useServiceAccountCredentials: boolean
  /** Which controllers run, as upstream's `--controllers`. */
  readonly controllers: readonly string[]
  readonly features?: FeatureGates | undefined
  readonly rootCA: string
  readonly clusterCIDR: string
  readonly nodeMaskSizes: NodeMaskSizes
  /** What certificates are issued with; without it none are. */
  readonly signing: Signing | undefined
  /** PEM: signs the tokens in Secrets; without it there are none. */
  readonly serviceAccountKey: string | undefined
  readonly legacyTokenPeriodMs: number
  readonly election: ElectionOptions | undefined
}

/** A controller manager alone in its process, against any API server. */
export async function startControllerManagerProcess(
  options: ControllerManagerProcessOptions,
  context: ComponentContext,
): Promise<AsyncDisposable> {
  const { clock, random, log, stop } = context
  await using stack = new AsyncDisposableStack()
  const connection = stack.use(await connectBy(options.kubeconfig, 'kube-controller-manager', { clock, log }))
  const start = async ({ client, clientFor }: Clients, log: Log): Promise<AsyncDisposable> => {
    const running = await startControllers({
      clientFor: options.useServiceAccountCredentials ? clientFor : () => client,
      reader: client,
      clock,
      random,
      log,
      features: options.features,
      rootCA: options.rootCA,
      clusterCIDR: options.clusterCIDR,
      nodeMaskSizes: options.nodeMaskSizes,
      signing: options.signing,
      signToken: options.serviceAccountKey === undefined ? undefined : tokenSigner(options.serviceAccountKey),
      legacyTokenPeriodMs: options.legacyTokenPeriodMs,
      only: options.controllers,
    })
    log.info('The controllers run', {})
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
