import { readFileSync, statfsSync } from 'node:fs'
import { arch, cpus, hostname, release, totalmem } from 'node:os'
import { type Node, type NodeCondition, nodes } from '#api'
import { type Clock, deepClone, deepEqual, type Log } from '#base'
import type { Client } from '#client'
import { formatTime, isAlreadyExists, isConflict, isNotFound } from '#meta'
import type { Runtime, RuntimeStatus } from '../runtimes/runtime.ts'

export interface NodeInput {
  readonly name: string
  readonly ips: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly kubeletPort: number
  readonly rootDirectory: string
  /** Replaces what the machine has; for simulated nodes. */
  readonly capacity?: Readonly<Record<string, string>> | undefined
  readonly kubeletVersion: string
  /** Conditions that the node is in for want of memory or disk. */
  readonly pressure?: () => readonly string[]
}

const PODS_MAX = 110
const MEMORY_RESERVED_FOR_EVICTION_BYTES = 100 * 1024 * 1024
/** Upstream writes a status that says nothing new only this often; the Lease is the heartbeat. */
const REPORT_PERIOD_MS = 5 * 60_000
const SYNC_PERIOD_MS = 10_000
/** A node that is not Ready yet looks more often, as upstream's does at start-up: everything waits for it. */
const UNREADY_PERIOD_MS = 200
const CONFLICTS_MAX = 5

/** Registers the node and keeps its status true. */
export class NodeReporter {
  readonly #client: Client
  readonly #runtime: Runtime
  readonly #clock: Clock
  readonly #log: Log
  readonly #input: NodeInput
  #reportedAtMs = 0
  #isReady = false

  constructor(options: { client: Client; runtime: Runtime; clock: Clock; log: Log; input: NodeInput }) {
    this.#client = options.client
    this.#runtime = options.runtime
    this.#clock = options.clock
    this.#log = options.log
    this.#input = options.input
  }

  async register(): Promise<void> {
    const { name, labels } = this.#input
    const os = process.platform === 'win32' ? 'windows' : 'linux'
    const own = {
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': os,
      'kubernetes.io/arch': goArch(),
      'beta.kubernetes.io/os': os,
      'beta.kubernetes.io/arch': goArch(),
      ...labels,
    }
    const existing = await this.#client.find(nodes, name)
    if (existing === undefined) {
      const node: Node = {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: own, annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' } },
        spec: {},
      }
      try {
        await this.#client.create(nodes, node)
      } catch (error) {
        if (!isAlreadyExists(error)) throw error
      }
    } else if (Object.entries(own).some(([key, value]) => existing.metadata?.labels?.[key] !== value)) {
      await this.#client.patch(nodes, name, { metadata: { labels: own } }, { type: 'merge' })
    }
    await this.report()
  }

  /** Keeps the status current until aborted: changes at once, everything else every five minutes. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(this.#isReady ? SYNC_PERIOD_MS : UNREADY_PERIOD_MS, { signal })
        await this.report()
      } catch (error) {
        if (signal.aborted) return
        this.#log.warn('The node status was not written', { error })
        if (isNotFound(error)) await this.register().catch(() => undefined)
      }
    }
  }

  /** Writes the status if it says anything new; again at once when somebody else wrote the node in between. */
  async report(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#reportOnce()
        return
      } catch (error) {
        if (!isConflict(error) || attempt === CONFLICTS_MAX) throw error
      }
    }
  }

  async #reportOnce(): Promise<void> {
    const { name } = this.#input
    const current = await this.#client.get(nodes, name)
    const node = deepClone(current)
    const status = await this.#runtimeStatus()
    this.#isReady = status.runtimeReady && status.networkReady
    const nowMs = this.#clock.now()
    node.status = {
      ...node.status,
      ...withExtended(current, this.#facts()),
      conditions: this.#conditions(current, status, nowMs),
      ...(await this.#images()),
    }
    const { version, name: runtimeName } = await this.#runtime.version().catch(() => ({ version: 'unknown', name: 'unknown' }))
    node.status.nodeInfo = { ...this.#nodeInfo(), containerRuntimeVersion: `${runtimeName}://${version}` }
    if (sameBarHeartbeat(current, node) && nowMs - this.#reportedAtMs < REPORT_PERIOD_MS) return
    await this.#client.updateStatus(nodes, node)
    this.#reportedAtMs = nowMs
  }

  async #runtimeStatus(): Promise<RuntimeStatus> {
    try {
      return await this.#runtime.status()
    } catch (error) {
      return {
        runtimeReady: false,
        networkReady: false,
        message: `container runtime is down: ${error instanceof Error ? error.message : String(error)}`,
      }
    }
  }

  #facts(): Pick<NonNullable<Node['status']>, 'capacity' | 'allocatable' | 'addresses' | 'daemonEndpoints'> {
    const { name, ips, kubeletPort, capacity: given, rootDirectory } = this.#input
    const memory = totalmem()
    const capacity = given ?? {
      cpu: String(cpus().length),
      memory: `${Math.floor(memory / 1024)}Ki`,
      'ephemeral-storage': `${Math.floor(diskBytes(rootDirectory) / 1024)}Ki`,
      'hugepages-2Mi': '0',
      'hugepages-1Gi': '0',
      pods: String(PODS_MAX),
    }
    const allocatable = given ?? {
      ...capacity,
      memory: `${Math.floor((memory - MEMORY_RESERVED_FOR_EVICTION_BYTES) / 1024)}Ki`,
      'ephemeral-storage': String(Math.floor(diskBytes(rootDirectory) * 0.9)),
    }
    return {
      capacity,
      allocatable,
      addresses: [...ips.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: name }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    }
  }

  #nodeInfo() {
    const read = (path: string): string => {
      try {
        return readFileSync(path, 'utf8').trim()
      } catch {
        return ''
      }
    }
    const osRelease = read('/etc/os-release')
    return {
      machineID: read('/etc/machine-id'),
      systemUUID: read('/sys/class/dmi/id/product_uuid') || read('/etc/machine-id'),
      bootID: read('/proc/sys/kernel/random/boot_id'),
      kernelVersion: release(),
      osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? process.platform,
      containerRuntimeVersion: '',
      kubeletVersion: this.#input.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: process.platform === 'win32' ? 'windows' : 'linux',
      architecture: goArch(),
    }
  }

  async #images(): Promise<Pick<NonNullable<Node['status']>, 'images'>> {
    const images = await this.#runtime.listImages().catch(() => [])
    const largest = [...images].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, 50)
    return {
      images: largest.map(({ repoTags, repoDigests, sizeBytes }) => ({ names: [...repoDigests, ...repoTags], sizeBytes })),
    }
  }

  #conditions(node: Node, runtime: RuntimeStatus, nowMs: number): NodeCondition[] {
    const ready = runtime.runtimeReady && runtime.networkReady
    const pressure = this.#input.pressure?.() ?? []
    const wanted = [
      pressure.includes('MemoryPressure')
        ? ['MemoryPressure', 'True', 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available']
        : ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      pressure.includes('DiskPressure')
        ? ['DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure']
        : ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ready
        ? ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status']
        : ['Ready', 'False', 'KubeletNotReady', runtime.message],
    ] as const
    const now = formatTime(nowMs)
    const own = wanted.map(([type, status, reason, message]): NodeCondition => {
      const before = node.status?.conditions?.find((condition) => condition.type === type)
      const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : now
      return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime }
    })
    const types = new Set(own.map(({ type }) => type))
    return [...(node.status?.conditions ?? []).filter(({ type }) => !types.has(type)), ...own]
  }
}

/**
 * What somebody else says that the node has stays and may be given away
 * ([extended resources](https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/)).
 */
function withExtended<T extends Pick<NonNullable<Node['status']>, 'capacity' | 'allocatable'>>({ status }: Node, own: T): T {
  const others = Object.entries(status?.capacity ?? {}).filter(([name]) => own.capacity?.[name] === undefined)
  if (others.length === 0) return own
  const extended = Object.fromEntries(others)
  return { ...own, capacity: { ...own.capacity, ...extended }, allocatable: { ...own.allocatable, ...extended } }
}

function sameBarHeartbeat(a: Node, b: Node): boolean {
  const bare = (node: Node): unknown =>
    JSON.parse(
      JSON.stringify({ ...node.status, conditions: node.status?.conditions?.map(({ lastHeartbeatTime: _, ...rest }) => rest) }),
    )
  return deepEqual(bare(a), bare(b))
}

const goArch = (): string => ({ x64: 'amd64', arm64: 'arm64' })[arch() as 'x64'] ?? arch()

function diskBytes(directory: string): number {
  try {
    const { blocks, bsize } = statfsSync(directory === '' ? '/' : directory)
    return blocks * bsize
  } catch {
    return 0
  }
}

export const defaultNodeName = (): string => hostname().toLowerCase()
