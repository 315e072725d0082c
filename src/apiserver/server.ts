import { allResources, parseRange, type ResourceDefinition } from '#api'
import {
  type Answer,
  type Clock,
  FeatureGates,
  type FeatureSettings,
  type Log,
  type Random,
  systemRandom,
  type Timer,
} from '#base'
import {
  createClient,
  inProcessTransport,
  type Peer,
  type RequestHandler,
  type TransportRequest,
  type TransportResponse,
} from '#client'
import { isNotServed } from '#meta'
import type { Store } from '#store'
import {
  AdmissionChain,
  type AdmissionConfiguration,
  type AdmissionFunction,
  AdmissionMetrics,
  admissionPlugins,
  configuredPlugins,
  type PluginSelection,
  selectPlugins,
  standingChecks,
} from './admission/index.ts'
import { Aggregator, type ProxyClient, publishAuthentication, type RequestAuthorities } from './aggregation/index.ts'
import { Alarms } from './alarms.ts'
import { enabledResources, type RuntimeConfig } from './api-enablement.ts'
import type { Audit, AuditSettings } from './audit/index.ts'
import { AuditMetrics } from './audit-metrics.ts'
import {
  AuthenticationMetrics,
  type AuthenticationSettings,
  LegacyTokens,
  LegacyTokenTracking,
  openAuthentication,
  type ServiceAccountTokenOptions,
  ServiceAccountTokens,
} from './authentication/index.ts'
import { type AuthorizationOptions, openAuthorizers } from './authorization/index.ts'
import { bootstrap } from './bootstrap/index.ts'
import { ResourceCatalog } from './catalog.ts'
import { CustomResourceServing, DefinitionController } from './custom-resources/index.ts'
import type { Encryption, EncryptionOptions } from './encryption/index.ts'
import { FeatureMetrics } from './feature-metrics.ts'
import { FlowController, keepFlowControl } from './flow-control/index.ts'
import {
  type Advertised,
  AllocationKeeper,
  DefaultServiceCIDR,
  EndpointsKeeper,
  type HookContext,
  publishKubernetesService,
  showsServices,
} from './hooks/index.ts'
import type { PortRange } from './hooks/types.ts'
import { ConnectionMetrics } from './http/connection-metrics.ts'
import type { Listener, ListenOptions } from './http/listener.ts'
import { Impersonation } from './impersonation/index.ts'
import type { NodeConnection } from './node-connection.ts'
import { Pipeline } from './pipeline.ts'
import { fieldsOff } from './registry/disabled-fields.ts'
import { FieldManagement } from './registry/field-management.ts'
import type { StorageForm } from './registry/object-version.ts'
import { Registry } from './registry/registry.ts'
import { RequestMetrics } from './request-metrics.ts'
import { Watches } from './rest/watches.ts'
import { Lifecycle } from './shutdown/lifecycle.ts'
import type { ShutdownOptions } from './shutdown/options.ts'
import { Termination } from './shutdown/termination.ts'
import { type StartHook, StartHooks } from './start-hooks.ts'
import { StorageMetrics } from './storage-metrics.ts'
import { WatchCache } from './watch-cache/watch-cache.ts'
import { WebhookCaller } from './webhook-caller.ts'

export interface ApiServerOptions {
  /** Owned by the caller. */
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly serviceAccounts: ServiceAccountTokenOptions
  /** Of the addresses that Services have, one or one of each family; the first is of the default family. Checked before. */
  readonly serviceClusterIPRanges: readonly string[]
  readonly serviceNodePortRange: PortRange
  /** Where nodes and pods reach this server; behind the `kubernetes` Service. A promise, where the port is known only once it listens. */
  readonly advertise?: Advertised | Promise<Advertised> | undefined
  /** Which versions are served, by default those that are GA (`--runtime-config`). */
  readonly runtimeConfig?: RuntimeConfig | undefined
  /** Which features are on or off beside their defaults (`--feature-gates`). */
  readonly featureGates?: FeatureSettings | undefined
  /** What it was told by flags, by their names, for `/flagz`; without them there is no such page. */
  readonly flags?: Readonly<Record<string, string>> | undefined
  /** How users are known beside certificates and service accounts. */
  readonly authentication?: AuthenticationSettings | undefined
  /** Who says what a request may do; by default the Node authorizer and RBAC. */
  readonly authorization?: AuthorizationOptions | undefined
  /** Encryption of what is stored; nothing is encrypted when absent. */
  readonly encryption?: EncryptionOptions | undefined
  /** What is recorded of requests; nothing when absent. */
  readonly audit?: AuditSettings | undefined
  /** Which admission plugins run, by default those that are on by default; and webhooks that run in this process. */
  readonly admission?: AdmissionOptions | undefined
  /** How objects of built-in kinds are stored, as `--storage-media-type`; JSON unless named. What is there is read in any form. */
  readonly storageForm?: StorageForm | undefined
  /** How kubelets are reached, for logs, exec and proxying. */
  readonly nodeConnection?: NodeConnection | undefined
  /** Where a pod of that address really is: tests have their pods on loopback, which nobody is led to. */
  readonly reachPod?: ((address: string) => string) | undefined
  /** How this server proves to extension API servers that it may speak for a user. */
  readonly proxyClient?: ProxyClient | undefined
  /** Whom extension API servers may believe, too; published in kube-system. */
  readonly authorities?: RequestAuthorities | undefined
  /** How it ends; at once, unless said. */
  readonly shutdown?: ShutdownOptions | undefined
}

export interface AdmissionOptions extends PluginSelection {
  /** What plugins are told, or the file that says it (`--admission-control-config-file`). */
  readonly configuration?: AdmissionConfiguration | string | undefined
  readonly functions?: readonly AdmissionFunction[]
}

export interface ApiServer extends RequestHandler, AsyncDisposable {
  /** Resolves once the bootstrap objects exist and `/readyz` says ok. */
  readonly ready: Promise<void>
  /** Serves HTTPS. The listener closes with the server, once it has answered what it was asked; disposed of by itself, it closes at once. */
  listen(options: ListenOptions): Promise<Listener>
  /** Tokens are signed and checked with these keys from now on. Throws when one can not be read; then the last ones stay. */
  replaceServiceAccountKeys(keys: Pick<ServiceAccountTokenOptions, 'signingKey' | 'verificationKeys'>): void
  /** From now on `/readyz` fails and nobody is led here any more; everything is served until it is disposed of, which goes on from here. Harmless when repeated. */
  initiateShutdown(): void
}

/** Every five minutes history older than five minutes is forgotten, as upstream's compactor does. */
const COMPACTION_PERIOD_MS = 5 * 60_000

const BOOTSTRAP: readonly StartHook[] = [
  'start-system-namespaces-controller',
  'scheduling/bootstrap-system-priority-classes',
  'rbac/bootstrap-roles',
]

const LOOPBACK = { username: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

/** An API server over a store (https://kubernetes.io/docs/concepts/overview/components/#kube-apiserver). */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, random, log } = options
  const features = new FeatureGates(options.featureGates)
  const enabled = enabledResources(options.runtimeConfig ?? {}, features)
  warnOfFeatures(features, log)
  const selected = selectPlugins(admissionPlugins, options.admission ?? {})
  await using stack = new AsyncDisposableStack()
  const configured = await configuredPlugins(selected, options.admission?.configuration, { clock, random, log, stack })
  const plugins = [...configured, ...standingChecks]
  const encryption = options.encryption && stack.use(await openEncryption(options.encryption, { clock, log }))
  const encrypted = encryption?.over(options.store)
  const audit = options.audit && stack.use(await openAudit(options.audit, { clock, random, log }))
  const store = encrypted ?? options.store
  const catalog = new ResourceCatalog(enabled)
  // The server itself reads kinds that it serves to nobody.
  const cached = [...new Set([...allResources, ...enabled])]
  const shows = showsServices(options.serviceClusterIPRanges)
  const cache = stack.use(await WatchCache.open(store, cached, { clock, log, shows }))
  const webhooks = stack.use(new WebhookCaller({ cache, clock, random }))
  stack.use(await CustomResourceServing.open({ cache, catalog, webhooks, random, log }))
  const lifecycle = new Lifecycle()
  const alarms = stack.use(new Alarms(clock))
  const watches = stack.use(new Watches({ clock, alarms, jitter: () => random.float() }))
  const authenticationMetrics = new AuthenticationMetrics()
  const { serviceAccounts: metrics } = authenticationMetrics
  const tokens = new ServiceAccountTokens(options.serviceAccounts, { cache, clock, random, metrics })
  const legacy = new LegacyTokens({ tokens, client: () => client, clock, log })
  const known = { tokens, local: [legacy], cache, metrics: authenticationMetrics, clock, random, log }
  const { authentication } = stack.use(await openAuthentication(options.authentication ?? {}, known))
  const access = stack.use(await openAuthorizers(options.authorization ?? {}, { cache, features, clock, random, log }))
  const isConstrained = features.isOn('ConstrainedImpersonation')
  const impersonation = new Impersonation({ authorizers: access.all, clock, isConstrained })
  const admissionMetrics = new AdmissionMetrics()
  const requests = new RequestMetrics()
  const connections = new ConnectionMetrics()
  const storageForm = options.storageForm ?? 'json'
  const hookContext = (): Omit<HookContext, 'dryRun'> => ({
    client,
    store,
    storageForm,
    clock,
    random,
    log,
    serviceClusterIPRanges: options.serviceClusterIPRanges.map((range) => parseRange(range)?.cidr ?? range),
    serviceNodePortRange: options.serviceNodePortRange,
    authorizers: access.all,
    rbac: access.rbac,
  })
  const registry = new Registry({
    store,
    storageForm,
    cache,
    clock,
    random,
    log,
    admission: new AdmissionChain(plugins, {
      cache,
      catalog,
      authorizers: access.all,
      clock,
      random,
      log,
      webhooks,
      metrics: admissionMetrics,
      functions: options.admission?.functions ?? [],
      client: () => client,
    }),
    fields: new FieldManagement(catalog, clock),
    dropDisabled: fieldsOff(features),
    isStale: encrypted && ((key) => encrypted.isStale(key)),
    hookContext,
  })
  let ready = false
  const hooks = new StartHooks()
  const pipeline = new Pipeline({
    catalog,
    registry,
    store,
    clock,
    random,
    log,
    tokens,
    authentication,
    impersonation,
    authorizers: access.all,
    authorizationMetrics: access.metrics,
    requests,
    nodes: options.nodeConnection,
    reachPod: options.reachPod,
    lifecycle,
    watches,
    alarms,
    encryption,
    audit,
    metrics: [
      requests,
      encryption?.metrics,
      audit?.metrics ?? new AuditMetrics(),
      authenticationMetrics,
      access.metrics,
      isConstrained ? impersonation.metrics : undefined,
      admissionMetrics,
      new FeatureMetrics(features),
      new StorageMetrics(cache),
      watches.metrics,
      cache.metrics,
      connections,
    ].filter((each) => each !== undefined),
    flows: stack.use(new FlowController({ cache, clock })),
    aggregator: () => aggregator,
    isReady: () => ready,
    hooks,
    features,
    flags: options.flags,
  })
  const handler = {
    handle: (request: TransportRequest, peer: Peer): Answer<TransportResponse> => pipeline.handle(request, peer),
  }
  const client = createClient(inProcessTransport(handler, { user: LOOPBACK, userAgent: 'kube-apiserver' }))
  const { proxyClient, authorities } = options
  // Before anybody asks: a request that waits for nobody comes here at once.
  const aggregator = stack.use(new Aggregator({ client, catalog, cache, clock, random, log, proxyClient }))
  stack.use(compactPeriodically(store, cache, clock, log))
  const flowControl = stack.use(keepFlowControl({ client, cache, clock, log }))
  stack.use(new DefinitionController({ client, catalog, clock, random, log }))
  const endpoints = stack.use(new EndpointsKeeper({ store, storageForm, client, clock, log }))
  const tracking = stack.use(new LegacyTokenTracking({ client, cache, clock, log }))
  const serviceRange = stack.use(new DefaultServiceCIDR({ cache, context: { ...hookContext(), dryRun: false } }))
  const allocations = stack.use(new AllocationKeeper({ cache, context: () => ({ ...hookContext(), dryRun: false }) }))
  const readiness = (async () => {
    const isServed = (resource: ResourceDefinition): boolean => enabled.includes(resource)
    await hooks.run(BOOTSTRAP, () => bootstrap(client, { isServed, features }))
    await hooks.run(['priority-and-fairness-config-producer'], () => flowControl.ensured)
    await hooks.run(['start-kubernetes-service-cidr-controller'], () => unlessOff(serviceRange.start(), log))
    await hooks.run(['bootstrap-controller'], () =>
      unlessOff(publishKubernetesService(client, options.serviceClusterIPRanges), log),
    )
    await hooks.run(
      ['start-cluster-authentication-info-controller'],
      async () => authorities && publishAuthentication(client, authorities),
    )
    await hooks.run(['apiservice-registration-controller', 'autoregister-completion'], () => aggregator.start())
    const advertised = await options.advertise
    if (advertised !== undefined) await unlessOff(endpoints.start(advertised), log)
    await hooks.run(['start-legacy-token-tracking-controller'], () => tracking.start())
    await hooks.run(['start-service-ip-repair-controllers'], async () => allocations.start())
    ready = true
  })()
  // Whoever waits for readiness sees the failure; nobody else must.
  readiness.catch(() => undefined)
  const listeners: Listener[] = []
  const owned = stack.move()
  const termination = new Termination(options.shutdown ?? {}, { lifecycle, endpoints, watches, listeners, clock, log })
  const end = async (): Promise<void> => {
    await termination.finish()
    await owned.disposeAsync()
  }
  let ended: Promise<void> | undefined
  return {
    ...handler,
    ready: readiness,
    async listen(listenOptions) {
      const { listen } = await import('./http/listener.ts')
      const listener = await listen(pipeline, listenOptions, { lifecycle, clock, log, metrics: connections })
      listeners.push(listener)
      return listener
    },
    replaceServiceAccountKeys: (keys) => tokens.keys.replace(keys),
    initiateShutdown: () => termination.initiate(),
    [Symbol.asyncDispose]: () => (ended ??= end()),
  }
}

/** Gates that change what this server does; the rest of what upstream knows is accepted, as configurations name it. */
const HEEDED = new Set(['ClusterTrustBundle', 'ClusterTrustBundleProjection', 'ConstrainedImpersonation'])

function warnOfFeatures(features: FeatureGates, log: Log): void {
  const idle = features.changed.filter(([name]) => !HEEDED.has(name)).map(([name, isOn]) => `${name}=${isOn}`)
  if (idle.length > 0) log.warn('Feature gates were set that change nothing here', { gates: idle.join(',') })
}

/** Keys and nonces are drawn from the system, whatever chance the rest of a test lives by: a nonce that repeats gives the key away. */
export async function openEncryption(
  options: EncryptionOptions,
  { clock, log }: Pick<ApiServerOptions, 'clock' | 'log'>,
): Promise<Encryption> {
  const { Encryption } = await import('./encryption/index.ts')
  return Encryption.open(options, { clock, random: systemRandom, log })
}

async function openAudit(
  settings: AuditSettings,
  dependencies: Pick<ApiServerOptions, 'clock' | 'random' | 'log'>,
): Promise<Audit> {
  const { Audit } = await import('./audit/index.ts')
  return Audit.open(settings, dependencies)
}

/** Without a kind that it is told not to serve, a server does the rest. */
async function unlessOff(work: Promise<void>, log: Log): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isNotServed(error)) throw error
    log.warn('The kubernetes Service is not published: a kind that it needs is turned off', {})
  }
}

function compactPeriodically(store: Store, cache: WatchCache, clock: Clock, log: Log): Disposable {
  let previous = store.revision
  const compact = async (revision: number): Promise<void> => {
    try {
      await store.compactInTurn(revision)
      cache.forget(revision)
    } catch (error) {
      log.debug('Compaction was refused', { revision, error })
    }
  }
  const arm = (): Timer =>
    clock.after(COMPACTION_PERIOD_MS, () => {
      const revision = previous
      previous = store.revision
      if (revision > 0) void compact(revision)
      timer = arm()
    })
  let timer = arm()
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
