import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Pod, podLimits, podRequests, qosClass } from '#api'
import { milliValue, quantityValue } from '#meta'
import { cpuQuotaUs, cpuShares } from '../containers/container-config.ts'
import { type GroupUsage, readGroupUsage } from './cgroup-usage.ts'

/** The control groups of pods. */
export interface Cgroups {
  /** Makes or updates the pod's group; resolves with its name as the runtime takes it. */
  prepare(pod: Pod): Promise<string>
  remove(pod: Pod): Promise<void>
  /** Removes groups of pods that nobody knows any more. */
  removeOthers(uids: ReadonlySet<string>): void
  groupOf(pod: Pod): string
  /** Of the pod, of one of its containers, or of the whole node; undefined where nothing is counted. */
  usage(pod: Pod | undefined, containerId?: string): GroupUsage | undefined
}

/** For nodes without containers. */
export const noCgroups: Cgroups = {
  async prepare() {
    return ''
  },
  async remove() {},
  removeOthers() {},
  groupOf: () => '',
  usage: () => undefined,
}

const V1_HIERARCHIES = ['memory', 'cpu', 'cpuacct', 'pids', 'cpuset', 'blkio', 'devices', 'freezer', 'systemd']
const QOS_FOLDERS = { Guaranteed: '', Burstable: 'burstable', BestEffort: 'besteffort' } as const

/** Groups by cgroupfs under `parent` (`/kubepods`): the quality-of-service class, then the pod, with the sums of its containers as limits. */
export class CgroupFs implements Cgroups {
  readonly #root: string
  readonly #parent: string
  readonly #unified: boolean

  constructor(options: { readonly root?: string; readonly parent: string }) {
    this.#root = options.root ?? '/sys/fs/cgroup'
    this.#parent = options.parent
    this.#unified = existsSync(join(this.#root, 'cgroup.controllers'))
  }

  async prepare(pod: Pod): Promise<string> {
    const group = this.groupOf(pod)
    if (this.#unified) this.#prepareUnified(group, pod)
    else this.#prepareV1(group, pod)
    return group
  }

  async remove(pod: Pod): Promise<void> {
    const group = this.groupOf(pod)
    for (const root of this.#roots()) removeGroup(join(root, group))
  }

  removeOthers(uids: ReadonlySet<string>): void {
    for (const root of this.#roots()) {
      for (const folder of Object.values(QOS_FOLDERS)) {
        const parent = join(root, this.#parent, folder)
        for (const name of existsSync(parent) ? readdirSync(parent) : [])
          if (name.startsWith('pod') && !uids.has(name.slice('pod'.length))) removeGroup(join(parent, name))
      }
    }
  }

  usage(pod: Pod | undefined, containerId = ''): GroupUsage | undefined {
    return readGroupUsage(this.#root, pod === undefined ? '/' : join(this.groupOf(pod), containerId))
  }

  groupOf(pod: Pod): string {
    const qos = pod.status?.qosClass ?? qosClass(pod)
    return join(this.#parent, QOS_FOLDERS[qos as keyof typeof QOS_FOLDERS] ?? '', `pod${pod.metadata?.uid}`)
  }

  #roots(): readonly string[] {
    return this.#unified ? [this.#root] : V1_HIERARCHIES.map((hierarchy) => join(this.#root, hierarchy))
  }

  #prepareV1(group: string, pod: Pod): void {
    const { shares, quotaUs, memoryBytes } = limitsOf(pod)
    for (const hierarchy of V1_HIERARCHIES) {
      if (!existsSync(join(this.#root, hierarchy))) continue
      const path = join(this.#root, hierarchy, group)
      mkdirSync(path, { recursive: true })
      if (hierarchy === 'cpuset') fillCpuset(join(this.#root, hierarchy), group)
      if (hierarchy === 'cpu') {
        write(path, 'cpu.shares', String(shares))
        write(path, 'cpu.cfs_quota_us', String(quotaUs ?? -1))
      }
      if (hierarchy === 'memory') write(path, 'memory.limit_in_bytes', String(memoryBytes ?? -1))
    }
  }

  #prepareUnified(group: string, pod: Pod): void {
    const { shares, quotaUs, memoryBytes } = limitsOf(pod)
    let path = this.#root
    for (const part of group.split('/').filter((each) => each !== '')) {
      // A controller reaches a group only if every group above hands it on.
      for (const controller of ['cpu', 'memory', 'pids', 'cpuset', 'io']) write(path, 'cgroup.subtree_control', `+${controller}`)
      path = join(path, part)
      mkdirSync(path, { recursive: true })
    }
    write(path, 'cpu.weight', String(1 + Math.floor(((shares - 2) * 9999) / 262_142)))
    write(path, 'cpu.max', quotaUs === undefined ? 'max 100000' : `${quotaUs} 100000`)
    write(path, 'memory.max', memoryBytes === undefined ? 'max' : String(memoryBytes))
  }
}

function limitsOf(pod: Pod): { shares: number; quotaUs: number | undefined; memoryBytes: number | undefined } {
  const containers = pod.spec?.containers ?? []
  const limited = (resource: string): boolean => containers.every(({ resources }) => resources?.limits?.[resource] !== undefined)
  const limits = podLimits(pod)
  return {
    shares: cpuShares(milliValue(podRequests(pod)['cpu'] ?? '0')),
    quotaUs: limited('cpu') ? cpuQuotaUs(milliValue(limits['cpu'] ?? '0')) : undefined,
    memoryBytes: limited('memory') ? quantityValue(limits['memory'] ?? '0') : undefined,
  }
}

function fillCpuset(root: string, group: string): void {
  let path = root
  for (const part of group.split('/').filter((each) => each !== '')) {
    const above = path
    path = join(path, part)
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (readFileSync(join(path, file), 'utf8').trim() === '') write(path, file, readFileSync(join(above, file), 'utf8').trim())
    }
  }
}

/** A kernel without the knob, or a parent that is tighter, is no reason not to run the pod. */
function write(directory: string, file: string, value: string): void {
  try {
    writeFileSync(join(directory, file), value)
  } catch {
    // Left at what the kernel has.
  }
}

function removeGroup(path: string): void {
  let children: string[]
  try {
    children = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(path, name))
  } catch {
    return
  }
  for (const child of children) removeGroup(child)
  try {
    rmdirSync(path)
  } catch {
    // A process is still leaving; the group goes with the next clean-up.
  }
}
