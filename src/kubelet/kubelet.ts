import { totalmem } from 'node:os'
import { isMirrorPod, type Node, nodes, type Pod, pods, type Service, services } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { type Client, EventRecorder, Informers } from '#client'
import { Backoff } from './containers/backoff.ts'
import { Images } from './containers/images.ts'
import { LogRotation } from './containers/log-rotation.ts'
import { POD_NAME, POD_NAMESPACE, POD_UID } from './labels.ts'
import { type Cgroups, noCgroups } from './node/cgroups.ts'
import { ImageCollector } from './node/image-collector.ts'
import { renewLease } from './node/lease.ts'
import { NodeReporter } from './node/node-status.ts'
import { admit } from './pods/admission.ts'
import { Allocations } from './pods/allocations.ts'
import { ObjectSource } from './pods/object-source.ts'
import type { PodDependencies } from './pods/pod-context.ts'
import { MirrorRecord, removeNow } from './pods/pod-record.ts'
import { PodWorker } from './pods/pod-worker.ts'
import { isStaticPod, StaticPods } from './pods/static-pods.ts'
import { Prober } from './probes/prober.ts'
import type { ContainerStatus, Runtime } from './runtimes/runtime.ts'
import { AccessControl } from './server/access.ts'
import type { KubeletView } from './server/endpoint.ts'
import { type KubeletServer, type ServeOptions, serveKubelet, type UpgradeHandler } from './server/server.ts'
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
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

class NodeAgent implements AsyncDisposable {
  readonly #options: KubeletOptions
  readonly #stack = new AsyncDisposableStack()
  readonly #informers: Informers
  readonly #tasks: TaskGroup
  readonly #workers = new Map<string, PodWorker>()
  readonly #dependencies: PodDependencies
  readonly #endings = new Map<string, (() => void)[]>()
  /** The API's copies of static pods, and static pods whose predecessor of the same name has to go first; by namespace and name. */
  readonly #mirrors = new Map<string, Pod>()
  readonly #successors = new Map<string, Pod>()
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
      pods: () => [...this.#workers.values()].map(({ pod }) => pod),
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
      nodeIPs: options.nodeIPs,
      clusterDNS: options.clusterDNS,
      clusterDomain: options.clusterDomain,
      resolvConf: options.resolvConf ?? '/etc/resolv.conf',
      podLogs: options.podLogs,
      nodeMemoryBytes: totalmem(),
      node,
      servicesFor: (pod) => this.#servicesFor(pod),
    }
  }

  get port(): number {
    return this.#server?.port ?? 0
  }

  async start(): Promise<void> {
    const { client, clock, log, runtime, nodeName, serve, upgrades } = this.#options
    if (serve !== undefined && upgrades !== undefined)
      this.#server = this.#stack.use(
        await serveKubelet(serve, {
          view: this.#view(),
          access: new AccessControl({ client, clock, nodeName }),
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
    }
    await this.#startStaticPods()
    const reporter = new NodeReporter({ client, runtime, clock, log, input })
    await reporter.register()
    this.#tasks.spawn((signal) => reporter.run(signal))
    this.#tasks.spawn((signal) => renewLease(nodeName, { client, clock, log }, signal))
    const own = this.#informers.for(pods, { fieldSelector: `spec.nodeName=${nodeName}` })
    this.#informers.for(services)
    this.#informers.for(nodes, { fieldSelector: `metadata.name=${nodeName}` })
    await this.#informers.synced(this.#tasks.signal)
    own.onChange(({ before, after }) => this.#podChanged(before, after))
    await this.#adoptOrphans()
    this.#tasks.spawn((signal) => this.#followRuntime(signal))
    if (this.#options.podLogs === '') return
    this.#tasks.spawn((signal) => new LogRotation({ runtime, clock, log, running: () => this.#runningContainers() }).run(signal))
    this.#tasks.spawn((signal) => this.#imageCollector().run(signal))
  }

  replaceServingCertificate(pair: { readonly certificate: string; readonly key: string }): void {
    this.#server?.replaceCertificate(pair)
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
    const changed = (before: Pod | undefined, after: Pod | undefined): void => {
      const predecessor = this.#workers.get(before?.metadata?.uid ?? '')
      predecessor?.remove()
      if (after === undefined) {
        this.#successors.delete(keyOf(before!))
        return
      }
      if (this.#find(keyOf(after)) === undefined) this.#startWorker(after)
      else this.#successors.set(keyOf(after), after)
    }
    await this.#stack.use(new StaticPods({ directory, nodeName, clock, log }, changed)).start()
  }

  /** A copy that is of no pod of ours any more goes. */
  #mirrorChanged(key: string, mirror: Pod | undefined): void {
    if (mirror === undefined) this.#mirrors.delete(key)
    else this.#mirrors.set(key, mirror)
    const worker = this.#find(key)
    if (worker !== undefined) worker.poke()
    else if (mirror !== undefined) this.#tasks.spawn(() => removeNow(this.#options.client, mirror))
  }

  #find(key: string): PodWorker | undefined {
    return [...this.#workers.values()].find(({ pod }) => keyOf(pod) === key)
  }

  #podChanged(before: Pod | undefined, after: Pod | undefined): void {
    const any = (after ?? before)!
    if (isMirrorPod(any)) {
      this.#mirrorChanged(keyOf(any), after)
      return
    }
    const uid = (after ?? before)?.metadata?.uid ?? ''
    const worker = this.#workers.get(uid)
    // The same name can be a new pod: the old one is then gone.
    if (before !== undefined && after !== undefined && before.metadata?.uid !== uid)
      this.#workers.get(before.metadata?.uid ?? '')?.remove()
    if (after === undefined) worker?.remove()
    else if (worker !== undefined) worker.update(after)
    else this.#startWorker(after)
    this.#retryDeferred()
  }

  /** Somebody may need less than before. */
  #retryDeferred(): void {
    for (const uid of [...this.#dependencies.allocations.deferred]) this.#workers.get(uid)?.poke()
  }

  #startWorker(pod: Pod): PodWorker {
    const worker = new PodWorker(pod, this.#dependencies, isStaticPod(pod) ? this.#mirrorRecord() : undefined)
    const others = [...this.#workers.values()].map((each) => this.#dependencies.allocations.granted(each.pod))
    this.#workers.set(worker.uid, worker)
    const refusal = admit(pod, others, this.#dependencies.node())
    if (refusal !== undefined) {
      this.#dependencies.recorder.event(pod, 'Warning', refusal.reason, refusal.message)
      worker.giveUp(refusal.reason, refusal.message)
    }
    this.#tasks.spawn(async (signal) => {
      await worker.run(signal)
      if (worker.isFinished) this.#workerFinished(worker)
    })
    return worker
  }

  #workerFinished(worker: PodWorker): void {
    this.#workers.delete(worker.uid)
    this.#retryDeferred()
    const successor = this.#successors.get(keyOf(worker.pod))
    if (successor === undefined) return
    this.#successors.delete(keyOf(worker.pod))
    this.#startWorker(successor)
  }

  #mirrorRecord(): MirrorRecord {
    const { client, node } = this.#dependencies
    return new MirrorRecord({ client, node, mirrorOf: (pod) => this.#mirrors.get(keyOf(pod)) })
  }

  /** Pods that the API forgot while no kubelet was looking are stopped like deleted ones. */
  async #adoptOrphans(): Promise<void> {
    for (const { labels } of await this.#options.runtime.listPodSandboxes()) {
      const uid = labels[POD_UID]
      if (uid === undefined || this.#workers.has(uid)) continue
      const pod: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { uid, name: labels[POD_NAME] ?? '', namespace: labels[POD_NAMESPACE] ?? '' },
        spec: { containers: [], nodeName: this.#options.nodeName },
      }
      this.#startWorker(pod).remove()
    }
  }

  async #followRuntime(signal: AbortSignal): Promise<void> {
    for await (const { sandboxId } of this.#options.runtime.events(signal)) {
      const owner =
        sandboxId === undefined
          ? undefined
          : [...this.#workers.values()].find(({ observed }) => observed.sandboxes.some(({ id }) => id === sandboxId))
      if (owner !== undefined) owner.poke()
      else for (const worker of this.#workers.values()) worker.poke()
      this.#tellEndings()
    }
  }

  #imageCollector(): ImageCollector {
    const { recorder, node } = this.#dependencies
    const { runtime, clock, log, sandboxImage } = this.#options
    return new ImageCollector({ runtime, clock, log, recorder, node, sandboxImage })
  }

  *#runningContainers(): Iterable<ContainerStatus> {
    for (const { observed } of this.#workers.values())
      for (const [newest] of observed.containers.values()) if (newest?.state === 'RUNNING') yield newest
  }

  #tellEndings(): void {
    for (const [id, resolvers] of [...this.#endings]) {
      void this.#options.runtime.containerStatus(id).then(
        ({ state }) => state !== 'RUNNING' && this.#end(id, resolvers),
        () => this.#end(id, resolvers),
      )
    }
  }

  #end(id: string, resolvers: readonly (() => void)[]): void {
    this.#endings.delete(id)
    for (const resolve of resolvers) resolve()
  }

  #servicesFor(pod: Pod): readonly Service[] {
    const all = this.#informers.for(services).list()
    const own =
      pod.spec?.enableServiceLinks === false ? [] : all.filter(({ metadata }) => metadata?.namespace === pod.metadata?.namespace)
    const api = all.filter(({ metadata }) => metadata?.namespace === 'default' && metadata.name === 'kubernetes')
    return [...new Set([...api, ...own])]
  }

  #view(): KubeletView {
    const { nodeName, clusterDNS, clusterDomain, resolvConf, podLogs } = this.#options
    const find = (namespace: string, name: string): PodWorker | undefined => this.#find(`${namespace}/${name}`)
    return {
      pods: () => [...this.#workers.values()].map(({ pod }) => pod),
      pod: (namespace, name) => find(namespace, name)?.pod,
      container: (namespace, pod, container) => {
        const status = find(namespace, pod)?.observed.containers.get(container)?.[0]
        return status && { id: status.id, running: status.state === 'RUNNING' }
      },
      containerById: (namespace, pod, id) => {
        const all = [...(find(namespace, pod)?.observed.containers.values() ?? [])].flat()
        const status = all.find((each) => each.id === id)
        return status && { id, logPath: status.logPath, running: status.state === 'RUNNING' }
      },
      sandbox: (namespace, pod) => find(namespace, pod)?.observed.sandboxes.find(({ state }) => state === 'READY')?.id,
      ended: (containerId) =>
        new Promise<void>((resolve) => {
          this.#endings.set(containerId, [...(this.#endings.get(containerId) ?? []), resolve])
          this.#tellEndings()
        }),
      configuration: () => ({
        kind: 'KubeletConfiguration',
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        nodeName,
        clusterDNS: [clusterDNS],
        clusterDomain,
        resolvConf: resolvConf ?? '/etc/resolv.conf',
        podLogsDir: podLogs,
        staticPodPath: this.#options.staticPodPath ?? '',
      }),
    }
  }
}

const keyOf = ({ metadata }: Pod): string => `${metadata?.namespace}/${metadata?.name}`
