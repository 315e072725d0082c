import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Container, isPodTerminal, isSidecar, type Node, type Pod, podRequests } from '#api'
import { addQuantities, compareQuantities, milliValue, quantityValue } from '#meta'

export type Resources = NonNullable<Container['resources']>

/** Why a container has not been given what its spec asks for by now. */
export interface PendingResize {
  readonly reason: 'Deferred' | 'Infeasible'
  readonly message: string
}

interface PodRecord {
  /** What the node has set aside, by container. */
  readonly allocated: Record<string, Resources>
  /** What the running container was given last, by container. */
  readonly actual: Record<string, Resources>
}

const FILE = 'allocation.json'
/** What may change in place. */
const RESIZABLE = ['cpu', 'memory'] as const

/**
 * What the node grants its pods, as against what their specs have come to ask for
 * (https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/). Kept in the pod's directory: after a restart the runtime
 * could tell what containers have, but not what was promised.
 */
export class Allocations {
  readonly #records = new Map<string, PodRecord>()
  readonly #deferred = new Set<string>()
  readonly #node: () => Node | undefined
  readonly #pods: () => Iterable<Pod>
  readonly #podDirectory: (uid: string) => string

  constructor(options: {
    readonly node: () => Node | undefined
    readonly pods: () => Iterable<Pod>
    readonly podDirectory: (uid: string) => string
  }) {
    this.#node = options.node
    this.#pods = options.pods
    this.#podDirectory = options.podDirectory
  }

  /** Pods whose resize fits once somebody else needs less. */
  get deferred(): Iterable<string> {
    return this.#deferred
  }

  /** The pod with the resources it is granted: its own when the node has room for them, else those it had. */
  grant(pod: Pod): { readonly pod: Pod; readonly pending: PendingResize | undefined } {
    const uid = pod.metadata?.uid ?? ''
    const record = this.#recordOf(pod)
    this.#deferred.delete(uid)
    const wanted = resizable(pod)
    if (wanted.every(({ name, resources = {} }) => isSame(record.allocated[name] ?? {}, resources)))
      return { pod: withResources(pod, record), pending: undefined }
    const pending = this.#refusal(pod)
    if (pending === undefined) {
      for (const { name, resources = {} } of wanted) record.allocated[name] = resources
      this.#save(uid, record)
      return { pod: withResources(pod, record), pending }
    }
    if (pending.reason === 'Deferred') this.#deferred.add(uid)
    return { pod: withResources(pod, record), pending }
  }

  /** The pod as other pods have to reckon with it. */
  granted(pod: Pod): Pod {
    const record = this.#records.get(pod.metadata?.uid ?? '')
    return record === undefined ? pod : withResources(pod, record)
  }

  /** Undefined while the container has not been started under our eyes. */
  actual(uid: string, container: string): Resources | undefined {
    return this.#records.get(uid)?.actual[container]
  }

  noteActual(pod: Pod, container: Container): void {
    const record = this.#recordOf(pod)
    const resources = container.resources ?? {}
    if (record.actual[container.name] !== undefined && isSame(record.actual[container.name]!, resources)) return
    record.actual[container.name] = resources
    this.#save(pod.metadata?.uid ?? '', record)
  }

  /** Whether the running container still has to be given what was granted. */
  differs(pod: Pod, container: Container): boolean {
    const actual = this.actual(pod.metadata?.uid ?? '', container.name)
    return actual !== undefined && !isSame(actual, container.resources ?? {})
  }

  forget(uid: string): void {
    this.#records.delete(uid)
    this.#deferred.delete(uid)
  }

  #recordOf(pod: Pod): PodRecord {
    const uid = pod.metadata?.uid ?? ''
    const known = this.#records.get(uid) ?? this.#load(uid)
    if (known !== undefined) {
      this.#records.set(uid, known)
      return known
    }
    const allocated = Object.fromEntries(resizable(pod).map(({ name, resources = {} }) => [name, resources]))
    const record: PodRecord = { allocated, actual: {} }
    this.#records.set(uid, record)
    this.#save(uid, record)
    return record
  }

  #refusal(pod: Pod): PendingResize | undefined {
    const allocatable = this.#node()?.status?.allocatable ?? {}
    const wanted = podRequests(pod)
    for (const name of RESIZABLE) {
      const unit = name === 'cpu' ? milliValue : quantityValue
      const [request, capacity] = [wanted[name] ?? '0', allocatable[name]]
      if (capacity === undefined) continue
      if (compareQuantities(request, capacity) > 0) {
        const message = `Node didn't have enough capacity: ${name}, requested: ${unit(request)}, capacity: ${unit(capacity)}`
        return { reason: 'Infeasible', message }
      }
      const used = this.#usedByOthers(pod, name)
      if (compareQuantities(addQuantities(used, request), capacity) > 0) {
        const message = `Node didn't have enough resource: ${name}, requested: ${unit(request)}, used: ${unit(used)}, capacity: ${unit(capacity)}`
        return { reason: 'Deferred', message }
      }
    }
    return undefined
  }

  #usedByOthers(pod: Pod, resource: string): string {
    let used = '0'
    for (const other of this.#pods()) {
      if (other.metadata?.uid === pod.metadata?.uid || isPodTerminal(other)) continue
      used = addQuantities(used, podRequests(this.granted(other))[resource] ?? '0')
    }
    return used
  }

  #load(uid: string): PodRecord | undefined {
    const directory = this.#podDirectory(uid)
    if (directory === '') return undefined
    try {
      return JSON.parse(readFileSync(join(directory, FILE), 'utf8')) as PodRecord
    } catch {
      // A pod that is new here, or whose record was lost with a crash before it mattered.
      return undefined
    }
  }

  #save(uid: string, record: PodRecord): void {
    const directory = this.#podDirectory(uid)
    if (directory === '') return
    mkdirSync(directory, { recursive: true, mode: 0o750 })
    const file = join(directory, FILE)
    writeFileSync(`${file}.tmp`, JSON.stringify(record), { mode: 0o600 })
    renameSync(`${file}.tmp`, file)
  }
}

/** What kinds of a container's resources changed. */
export function changedResources(before: Resources, after: Resources): readonly ('cpu' | 'memory')[] {
  return RESIZABLE.filter((name) => !isSameFor(name, before, after))
}

const isSame = (a: Resources, b: Resources): boolean => changedResources(a, b).length === 0

const isSameFor = (name: string, a: Resources, b: Resources): boolean =>
  (['requests', 'limits'] as const).every((which) => {
    const [one, other] = [a[which]?.[name], b[which]?.[name]]
    return one === undefined || other === undefined ? one === other : compareQuantities(one, other) === 0
  })

const resizable = ({ spec }: Pod): readonly Container[] => [
  ...(spec?.initContainers ?? []).filter(isSidecar),
  ...(spec?.containers ?? []),
]

function withResources(pod: Pod, { allocated }: PodRecord): Pod {
  const given = (container: Container): Container => {
    const resources = allocated[container.name]
    return resources === undefined || isSame(resources, container.resources ?? {}) ? container : { ...container, resources }
  }
  const { containers = [], initContainers } = pod.spec ?? {}
  const spec = {
    ...pod.spec!,
    containers: containers.map(given),
    ...(initContainers && { initContainers: initContainers.map((each) => (isSidecar(each) ? given(each) : each)) }),
  }
  return { ...pod, spec }
}
