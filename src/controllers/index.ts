import { type Clock, FeatureGates, type Log, type Random } from '#base'
import { type Client, Informers } from '#client'
import { bootstrapSigner, tokenCleaner } from './bootstrap-token/index.ts'
import { certificateControllers } from './certificates/index.ts'
import { clusterRoleAggregation } from './cluster-role-aggregation.ts'
import { cronJobController } from './cron-job/index.ts'
import { daemonSetController } from './daemon-set/index.ts'
import { deploymentController } from './deployment/index.ts'
import { disruptionController, staleDisruptions } from './disruption/index.ts'
import { endpointSliceController } from './endpoint-slice.ts'
import { endpointSliceMirroringController } from './endpoint-slice-mirroring.ts'
import { endpointsController } from './endpoints.ts'
import { type ControllerDefinition, type ManagerContext, type Signing, startController } from './framework/index.ts'
import { garbageCollector } from './garbage-collector.ts'
import { jobController, orphanedJobPods } from './job/index.ts'
import { legacyTokenCleaner } from './legacy-token-cleaner.ts'
import { namespaceController } from './namespace.ts'
import { nodeIPAM } from './node-ipam.ts'
import { nodeLifecycle, taintEviction } from './node-lifecycle.ts'
import { podGarbageCollector } from './pod-garbage-collector.ts'
import { replicaSetController, replicationController } from './replicas.ts'
import { resourceQuotaController } from './resource-quota/index.ts'
import { rootCAPublisher } from './root-ca-publisher.ts'
import { serviceAccountController } from './service-account.ts'
import { serviceAccountTokenController } from './service-account-token.ts'
import { serviceCIDRController } from './service-cidr.ts'
import { trustBundlePublisher } from './trust-bundle-publisher.ts'
import { ttlAfterFinished } from './ttl-after-finished.ts'
import { validatingAdmissionPolicyStatus } from './validating-admission-policy-status/index.ts'
import { pvcProtection, pvProtection, vacProtection } from './volume-protection/index.ts'

export { isSignedBy, signatureOf } from './bootstrap-token/index.ts'
export * from './certificates/index.ts'
export type { Signing } from './framework/index.ts'
export { NODE_MASK_SIZES, type NodeMaskSizes } from './node-ipam.ts'

/** Everything the controller manager runs. */
export const controllers: readonly ControllerDefinition[] = [
  bootstrapSigner,
  ...certificateControllers,
  clusterRoleAggregation,
  cronJobController,
  daemonSetController,
  deploymentController,
  disruptionController,
  endpointSliceController,
  endpointSliceMirroringController,
  endpointsController,
  jobController,
  legacyTokenCleaner,
  namespaceController,
  nodeIPAM,
  nodeLifecycle,
  orphanedJobPods,
  podGarbageCollector,
  pvcProtection,
  pvProtection,
  replicaSetController,
  replicationController,
  rootCAPublisher,
  serviceAccountController,
  serviceAccountTokenController,
  serviceCIDRController,
  staleDisruptions,
  taintEviction,
  tokenCleaner,
  ttlAfterFinished,
  vacProtection,
  validatingAdmissionPolicyStatus,
]

export interface ControllersOptions {
  /** A client for `system:serviceaccount:kube-system:NAME`. */
  clientFor(serviceAccountName: string): Client
  /** Reads for all informers: `system:kube-controller-manager`. */
  readonly reader: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly features?: FeatureGates | undefined
  readonly rootCA: string
  readonly clusterCIDR: string
  readonly nodeMaskSizes?: ManagerContext['nodeMaskSizes']
  readonly signing?: Signing | undefined
  readonly signToken?: ManagerContext['signToken']
  readonly legacyTokenPeriodMs?: number | undefined
  /** Upstream's `--controllers`: names, `-name` for one less, `*` for all that are on by default. */
  readonly only?: readonly string[]
}

/** Controllers that follow every kind there is, or one that is seldom served, and so run in a way of their own. */
const inTheirOwnWay: Readonly<Record<string, (manager: ManagerContext) => Promise<AsyncDisposable>>> = {
  'garbage-collector-controller': garbageCollector,
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': trustBundlePublisher,
  'resourcequota-controller': resourceQuotaController,
}

/** As `--controllers` names them. */
export const controllerNames = (): string[] => [...controllers.map(({ flag }) => flag), ...Object.keys(inTheirOwnWay)].sort()

/** The controller manager: every controller over shared informers, each writing under its own service account. */
export async function startControllers(options: ControllersOptions): Promise<AsyncDisposable> {
  const { clock, random, log, reader } = options
  await using stack = new AsyncDisposableStack()
  const informers = stack.use(new Informers({ client: reader, clock, random, log }))
  const features = options.features ?? new FeatureGates()
  const manager = { ...options, features, informers, clientFor: (name: string) => options.clientFor(name) }
  const words = options.only ?? ['*']
  const selected = controllers.filter(({ flag, isOnByDefault }) => isSelected(flag, isOnByDefault, words))
  const started = await Promise.all(selected.map((definition) => startController(definition, manager)))
  for (const controller of started) stack.use(controller)
  for (const [flag, start] of Object.entries(inTheirOwnWay)) if (isSelected(flag, true, words)) stack.use(await start(manager))
  return stack.move()
}

/** The first word about a controller counts, as upstream. */
function isSelected(flag: string, isOnByDefault: boolean, words: readonly string[]): boolean {
  for (const word of words) {
    if (word === flag) return true
    if (word === `-${flag}`) return false
  }
  return isOnByDefault && words.includes('*')
}
