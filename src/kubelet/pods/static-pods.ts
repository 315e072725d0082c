import { createHash } from 'node:crypto'
import { type FSWatcher, mkdirSync, readdirSync, readFileSync, statSync, watch } from 'node:fs'
import { join } from 'node:path'
import { foundBy, type Pod, pods } from '#api'
import { type Clock, deepClone, type Log } from '#base'
import { decodeText, formatTime } from '#meta'

/** Hash of the pod as its file has it. */
export const CONFIG_HASH = 'kubernetes.io/config.hash'
/** On the API's copy of a static pod: the hash of what it is a copy of. */
export const CONFIG_MIRROR = 'kubernetes.io/config.mirror'
const CONFIG_SEEN = 'kubernetes.io/config.seen'
const CONFIG_SOURCE = 'kubernetes.io/config.source'

export const isStaticPod = ({ metadata }: Pod): boolean => metadata?.annotations?.[CONFIG_SOURCE] === 'file'

export interface StaticPodsOptions {
  /** Of manifests; made if it is missing. */
  readonly directory: string
  readonly nodeName: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Pods from a directory of manifests, which need no API server (https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/). A file that
 * can't be read as a pod changes nothing.
 */
export class StaticPods implements Disposable {
  readonly #options: StaticPodsOptions
  readonly #onChange: (before: Pod | undefined, after: Pod | undefined) => void
  readonly #files = new Map<string, Pod>()
  #watcher: FSWatcher | undefined
  #reading: Promise<void> = Promise.resolve()

  constructor(options: StaticPodsOptions, onChange: (before: Pod | undefined, after: Pod | undefined) => void) {
    this.#options = options
    this.#onChange = onChange
  }

  /** Resolves when what is there now has been told. */
  async start(): Promise<void> {
    const { directory, log } = this.#options
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    // First, so that no change falls between.
    this.#watcher = watch(directory, () => this.#readAgain())
    this.#watcher.on('error', (error) => log.error('The manifests of static pods are no longer watched', { directory, error }))
    this.#readAgain()
    await this.#reading
  }

  [Symbol.dispose](): void {
    this.#watcher?.close()
  }

  /** One reading at a time; each sees all that was written before it began. */
  #readAgain(): void {
    this.#reading = this.#reading.then(() => this.#read())
  }

  async #read(): Promise<void> {
    const { directory, log } = this.#options
    const present = new Set(manifestsIn(directory))
    for (const path of [...this.#files.keys()]) if (!present.has(path)) this.#note(path, undefined)
    for (const path of present) {
      try {
        this.#note(path, await this.#podIn(path))
      } catch (error) {
        log.error('A manifest is no pod', { file: path, error: error instanceof Error ? error.message : String(error) })
      }
    }
  }

  #note(path: string, pod: Pod | undefined): void {
    const before = this.#files.get(path)
    if (before?.metadata?.uid === pod?.metadata?.uid) return
    if (pod === undefined) this.#files.delete(path)
    else this.#files.set(path, pod)
    this.#onChange(before, pod)
  }

  async #podIn(path: string): Promise<Pod> {
    const { nodeName, clock } = this.#options
    const { value: read } = await decodeText(readFileSync(path), 'yaml')
    const { apiVersion, kind } = (read ?? {}) as Partial<Pod>
    if (apiVersion !== 'v1' || kind !== 'Pod')
      throw new Error(`it holds ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`)
    const pod = deepClone(read) as Pod
    const hash = createHash('sha256')
      .update(JSON.stringify([read, nodeName, path]))
      .digest('hex')
      .slice(0, 32)
    const metadata = pod.metadata ?? {}
    pod.metadata = {
      ...metadata,
      name: `${metadata.name}-${nodeName.toLowerCase()}`,
      namespace: metadata.namespace || 'default',
      uid: metadata.uid || hash,
      annotations: {
        ...metadata.annotations,
        [CONFIG_HASH]: metadata.uid || hash,
        [CONFIG_SEEN]: formatTime(clock.now()),
        [CONFIG_SOURCE]: 'file',
      },
    }
    pods.default(pod)
    const tolerations = [...(pod.spec?.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }]
    pod.spec = { ...pod.spec!, nodeName, tolerations }
    const [problem] = foundBy((found) => pods.validate(pod, found, { nowMs: clock.now() }))
    if (problem !== undefined) throw new Error(`${problem.field}: ${problem.message}`)
    const forbidden = refersToObjects(pod)
    if (forbidden !== undefined) throw new Error(`a static pod may not use ${forbidden}`)
    return pod
  }
}

/** Regular files; what an editor leaves beside them starts with a dot. */
const manifestsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())

/** What only the API server has can't be had without it. */
function refersToObjects({ spec }: Pod): string | undefined {
  if (spec?.serviceAccountName) return 'a service account'
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  if (
    containers.some(
      ({ env, envFrom }) =>
        envFrom?.length || env?.some(({ valueFrom }) => valueFrom?.secretKeyRef || valueFrom?.configMapKeyRef),
    )
  )
    return 'variables from secrets or configmaps'
  if (
    (spec?.volumes ?? []).some((volume) => volume.secret || volume.configMap || volume.projected || volume.persistentVolumeClaim)
  )
    return 'volumes of secrets, configmaps, projections or claims'
  return undefined
}
