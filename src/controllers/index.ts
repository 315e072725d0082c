import type { Clock, Log, Random } from '#base'
import { type Client, Informers } from '#client'
import { clusterRoleAggregation } from './cluster-role-aggregation.ts'
import { daemonSetController } from './daemon-set/index.ts'
import { deploymentController } from './deployment/index.ts'
import { endpointSliceController } from './endpoint-slice.ts'
import { endpointsController } from './endpoints.ts'
import { type ControllerDefinition, startController } from './framework/index.ts'
import { garbageCollector } from './garbage-collector.ts'
import { jobController } from './job/index.ts'
import { namespaceController } from './namespace.ts'
import { nodeIPAM } from './node-ipam.ts'
import { nodeLifecycle, taintEviction } from './node-lifecycle.ts'
import { podGarbageCollector } from './pod-garbage-collector.ts'
import { replicaSetController } from './replica-set.ts'
import { rootCAPublisher } from './root-ca-publisher.ts'
import { serviceAccountController } from './service-account.ts'
import { ttlAfterFinished } from './ttl-after-finished.ts'

/** Everything the controller manager runs. */
export const controllers: readonly ControllerDefinition[] = [
  clusterRoleAggregation,
  daemonSetController,
  deploymentController,
  endpointSliceController,
  endpointsController,
  jobController,
  namespaceController,
  nodeIPAM,
  nodeLifecycle,
  podGarbageCollector,
  replicaSetController,
  rootCAPublisher,
  serviceAccountController,
  taintEviction,
  ttlAfterFinished,
]

export interface ControllersOptions {
  /** A client for `system:serviceaccount:kube-system:NAME`. */
  clientFor(serviceAccountName: string): Client
  /** Reads for all informers: `system:kube-controller-manager`. */
  readonly reader: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly rootCA: string
  readonly clusterCIDR: string
}

/** The controller manager: every controller over shared informers, each writing under its own service account. */
export async function startControllers(options: ControllersOptions): Promise<AsyncDisposable> {
  const { clock, random, log, reader } = options
  await using stack = new AsyncDisposableStack()
  const informers = stack.use(new Informers({ client: reader, clock, random, log }))
  const manager = { ...options, informers, clientFor: (name: string) => options.clientFor(name) }
  const started = await Promise.all(controllers.map((definition) => startController(definition, manager)))
  for (const controller of started) stack.use(controller)
  stack.use(await garbageCollector(manager))
  return stack.move()
}
