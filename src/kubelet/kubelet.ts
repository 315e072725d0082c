import { mkdirSync } from 'node:fs'
import { totalmem } from 'node:os'
import { type Node, nodes, type Pod, pods, type Service, services } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { type Client, EventRecorder, Informers } from '#client'
import { Backoff } from './containers/backoff.ts'
import { Images } from './containers/images.ts'
import { LogRotation } from './containers/log-rotation.ts'
import type { EvictionManager } from './eviction/eviction-manager.ts'
import { nodeEviction } from './eviction/index.ts'
import { type Cgroups, noCgroups } from './node/cgroups.ts'
import { ImageCollector } from './node/image-collector.ts'
import { renewLease } from './node/lease.ts'
import { NodeReporter } from './node/node-status.ts'
import { Allocations } from './pods/allocations.ts'
import { ObjectSource } from './pods/object-source.ts'
import type { PodDependencies } from './pods/pod-context.ts'
import { PodWorkers } from './pods/pod-workers.ts'
import { StaticPods } from './pods/static-pods.ts'
import { Prober } from './probes/prober.ts'
import type { Runtime } from './runtimes/runtime.ts'
import { AccessControl } from './server/access.ts'
import { type KubeletServer, type ServeOptions, serveKubelet, type UpgradeHandler } from './server/server.ts'
import { Endings, kubeletView } from './view.ts'
import { DiskVolumes, NoVolumes, type VolumeManager } from './volumes/volume-manager.ts'

export interface KubeletOptions {
  /** Speaks as `system:node:NAME`. */
  readonly client: Client
  readonly runtime: Runtime
  readonly nodeName: string
  readonly nodeIPs: readonly string[]
  /** Of pod directories; '' keeps nothing on disk (simulated nodes). */
  readonly rootDirectory: string
  readonly podLogs: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly resolvConf?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly capacity?: Readonly<Record<string, string>> | undefined
  readonly cgroups?: Cgroups
  /** Of manifests of pods that run whatever the API server says. */
  readonly staticPodPath?: string | undefined
  /** What the runtime makes sandboxes of; never collected. */
  readonly sandboxImage?: string | undefined
  readonly serve?: ServeOptions | undefined
  readonly upgrades?: UpgradeHandler | undefined
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Kubelet extends AsyncDisposable {
  /** 0 when it does not serve. */
  readonly port: number
  /** Stops every pod of the node, for a shutdown that takes the pods along. */
  stopPods(): Promise<void>
  /** Serves new connections by a renewed certificate. */
  replaceServingCertificate(pair: { readonly certificate: string; readonly key: string }): void
  /** Believes clients by another authority, or by several, from now on. Throws when the PEM holds none. */
  replaceClientAuthority(clientCA: string): void
}

/** The agent of one node. Disposing of it leaves containers running: the next kubelet of the node adopts them. */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  await using stack = new AsyncDisposableStack()
  const kubelet = stack.use(new NodeAgent(options))
  await kubelet.start()
  const owned = stack.move()
  return {
    port: kubelet.port,
    stopPods: () => kubelet.stopPods(),
    replaceServingCertificate: (pair) => kubelet.replaceServingCertificate(pair),
    replaceClientAuthority: (clientCA) => kubelet.replaceClientAuthority(clientCA),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

class NodeAgent implements AsyncDisposable {
  readonly #options: KubeletOptions
  readonly #stack = new AsyncDisposableStack()
  readonly #informers: Informers
  readonly #tasks: TaskGroup
  readonly #workers: PodWorkers
  readonly #dependencies: PodDependencies
  readonly #endings: Endings
  readonly #images: ImageCollector
  readonly #eviction: EvictionManager
  #reporter: NodeReporter | undefined
  #server: KubeletServer | undefined

  constructor(options: KubeletOptions) {
    this.#options = options
    const { client, clock, random, log, runtime, nodeName } = options
    const recorder = this.#stack.use(new EventRecorder({ client, clock, random, log, component: 'kubelet', host: nodeName }))
    this.#informers = this.#stack.use(new Informers({ client, clock, random, log }))
    const poke = (uid: string): void => this.#workers.get(uid)?.poke()
    const objects = this.#stack.use(new ObjectSource({ client, clock, random, log }, poke))
    const prober = this.#stack.use(new Prober({ runtime, clock, random, log, recorder, onChange: poke }))
    this.#tasks = this.#stack.use(new TaskGroup({ onError: (error) => log.error('A part of the kubelet stopped', { error }) }))
    const volumes: VolumeManager =
      options.rootDirectory === '' ? new NoVolumes() : new DiskVolumes({ root: options.rootDirectory, client, clock, objects })
    const node = (): Node | undefined =>
      this.#informers.for(nodes, { fieldSelector: `metadata.name=${nodeName}` }).get(nodeName) as Node | undefined
    const allocations = new Allocations({
      node,
      pods: () => [...this.#workers].map(({ pod }) => pod),
      podDirectory: (uid) => volumes.podDirectory(uid),
    })
    this.#dependencies = {
      client,
      runtime,
      clock,
      log,
      recorder,
      objects,
      prober,
      volumes,
      allocations,
      images: new Images({ runtime, clock, recorder, objects }),
      restarts: new Backoff(clock, { initialMs: 10_000, maxMs: 300_000 }),
      cgroups: options.cgroups ?? noCgroups,
      nodeName,
      nodeIPs: options.nodeIPs,
      clusterDNS: options.clusterDNS,
      clusterDomain: options.clusterDomain,
      resolvConf: options.resolvConf ?? '/etc/resolv.conf',
      podLogs: options.podLogs,
      nodeMemoryBytes: totalmem(),
      node,
      servicesFor: (pod) => this.#servicesFor(pod),
    }
    this.#workers = new PodWorkers(this.#dependencies, this.#tasks)
    this.#endings = new Endings(runtime)
    const { sandboxImage, rootDirectory, podLogs } = options
    this.#images = new ImageCollector({ runtime, clock, log, recorder, node, sandboxImage })
    this.#eviction = nodeEviction({
      ...this.#dependencies,
      workers: this.#workers,
      images: this.#images,
      rootDirectory,
      podLogs,
      onChange: () => this.#tasks.spawn(async () => this.#reporter?.report()),
    })
  }

  get port(): number {
    return this.#server?.port ?? 0
  }

  async start(): Promise<void> {
    const { client, clock, log, runtime, nodeName, serve, upgrades } = this.#options
    if (serve !== undefined && upgrades !== undefined)
      this.#server = this.#stack.use(
        await serveKubelet(serve, {
          view: kubeletView(this.#options, {
            workers: this.#workers,
            cgroups: this.#dependencies.cgroups,
            endings: this.#endings,
          }),
          access: (peers) => new AccessControl({ client, clock, nodeName, peers }),
          upgrades,
          runtime,
          clock,
          log,
        }),
      )
    const input = {
      name: nodeName,
      ips: this.#options.nodeIPs,
      labels: this.#options.labels ?? {},
      kubeletPort: this.port,
      rootDirectory: this.#options.rootDirectory,
      capacity: this.#options.capacity,
      kubeletVersion: this.#options.version,
      pressure: () => this.#eviction.conditions,
    }
    if (this.#options.podLogs !== '') mkdirSync(this.#options.podLogs, { recursive: true, mode: 0o755 })
    await this.#startStaticPods()
    const reporter = new NodeReporter({ client, runtime, clock, log, input })
    this.#reporter = reporter
    await reporter.register()
    this.#tasks.spawn((signal) => reporter.run(signal))
    this.#tasks.spawn((signal) => renewLease(nodeName, { client, clock, log }, signal))
    const own = this.#informers.for(pods, { fieldSelector: `spec.nodeName=${nodeName}` })
    this.#informers.for(services)
    this.#informers.for(nodes, { fieldSelector: `metadata.name=${nodeName}` })
    await this.#informers.synced(this.#tasks.signal)
    own.onChange(({ before, after }) => this.#workers.podChanged(before, after))
    await this.#workers.adoptOrphans()
    this.#tasks.spawn((signal) => this.#followRuntime(signal))
    if (this.#options.podLogs === '') return
    this.#tasks.spawn((signal) =>
      new LogRotation({ runtime, clock, log, running: () => this.#workers.runningContainers() }).run(signal),
    )
    this.#tasks.spawn((signal) => this.#images.run(signal))
    this.#tasks.spawn((signal) => this.#eviction.run(signal))
  }

  replaceServingCertificate(pair: { readonly certificate: string; readonly key: string }): void {
    this.#server?.replaceCertificate(pair)
  }

  replaceClientAuthority(clientCA: string): void {
    this.#server?.replaceAuthority(clientCA)
  }

  async stopPods(): Promise<void> {
    const { runtime } = this.#options
    // Workers first: they would start again what is being stopped.
    await this.#tasks[Symbol.asyncDispose]()
    const sandboxes = await runtime.listPodSandboxes()
    await Promise.all(
      sandboxes.map(async ({ id }) => {
        for (const { id: containerId } of await runtime.listContainers({ sandboxId: id }))
          await runtime.stopContainer(containerId, 5)
        await runtime.stopPodSandbox(id)
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #startStaticPods(): Promise<void> {
    const { staticPodPath: directory, nodeName, clock, log } = this.#options
    if (directory === undefined) return
    const changed = this.#workers.staticPodChanged.bind(this.#workers)
    await this.#stack.use(new StaticPods({ directory, nodeName, clock, log }, changed)).start()
  }

  async #followRuntime(signal: AbortSignal): Promise<void> {
    for await (const { sandboxId } of this.#options.runtime.events(signal)) {
      this.#workers.poke(sandboxId)
      this.#endings.look()
    }
  }

  #servicesFor(pod: Pod): readonly Service[] {
    const all = this.#informers.for(services).list()
    const own =
      pod.spec?.enableServiceLinks === false ? [] : all.filter(({ metadata }) => metadata?.namespace === pod.metadata?.namespace)
    const api = all.filter(({ metadata }) => metadata?.namespace === 'default' && metadata.name === 'kubernetes')
    return [...new Set([...api, ...own])]
  }
}
