import type { Container, Pod } from '#api'
import type { Clock } from '#base'
import type { EventSink } from '#client'
import type { ObjectSource } from '../pods/object-source.ts'
import { type Image, type ImageAuth, type Runtime, RuntimeError } from '../runtimes/runtime.ts'
import { Backoff } from './backoff.ts'
import { orAborted } from './hooks.ts'
import { credentialsFor } from './pull-credentials.ts'

/** Why an image is not there; `reason` becomes the container's waiting reason. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly reason: 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName'
  readonly retryAfterMs: number | undefined

  constructor(reason: ImageError['reason'], message: string, retryAfterMs?: number) {
    super(message)
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

const REFERENCE =
  /^[a-z0-9]+([._-][a-z0-9]+|__[a-z0-9]+|-+[a-z0-9]+)*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@[a-z0-9+._-]+:[a-fA-F0-9]{32,})?$/i

/** Makes images present, one pull at a time, by the container's pull policy. */
export class Images {
  readonly #runtime: Runtime
  readonly #clock: Clock
  readonly #recorder: EventSink
  readonly #objects: ObjectSource
  readonly #backoff: Backoff
  readonly #failedAt = new Map<string, { readonly atMs: number; readonly message: string }>()
  #tail: Promise<unknown> = Promise.resolve()

  constructor(options: { runtime: Runtime; clock: Clock; recorder: EventSink; objects: ObjectSource }) {
    this.#runtime = options.runtime
    this.#clock = options.clock
    this.#recorder = options.recorder
    this.#objects = options.objects
    this.#backoff = new Backoff(options.clock, { initialMs: 10_000, maxMs: 300_000 })
  }

  /** The image, pulled if the policy asks for it. Throws {@link ImageError}. */
  async ensure(pod: Pod, container: Container, signal: AbortSignal): Promise<{ readonly image: Image; readonly ref: string }> {
    const name = container.image ?? ''
    if (!REFERENCE.test(name)) {
      const quoted = JSON.stringify(name)
      const message = `Failed to apply default image tag ${quoted}: couldn't parse image name ${quoted}: invalid reference format`
      this.#recorder.event(pod, 'Warning', 'InspectFailed', message)
      throw new ImageError('InvalidImageName', message)
    }
    const policy = container.imagePullPolicy ?? 'IfNotPresent'
    const reference = qualified(name)
    const present = await this.#runtime.imageStatus(reference)
    if (present !== undefined && policy !== 'Always') {
      this.#recorder.event(
        pod,
        'Normal',
        'Pulled',
        `Container image ${JSON.stringify(name)} already present on machine and can be accessed by the pod`,
      )
      return { image: present, ref: present.id }
    }
    if (policy === 'Never') {
      this.#recorder.event(
        pod,
        'Warning',
        'ErrImageNeverPull',
        `Container image ${JSON.stringify(name)} is not present with pull policy of Never`,
      )
      throw new ImageError(
        'ErrImageNeverPull',
        `Container image ${JSON.stringify(name)} is not present with pull policy of Never`,
      )
    }
    this.#refuseDuringBackoff(pod, name)
    return orAborted(
      this.#inTurn(() => this.#pull(pod, name, reference, signal)),
      signal,
    )
  }

  #refuseDuringBackoff(pod: Pod, name: string): void {
    const key = `${pod.metadata?.uid}_${name}`
    const failed = this.#failedAt.get(key)
    const waitMs = failed === undefined ? 0 : this.#backoff.remainingMs(key, failed.atMs)
    if (failed === undefined || waitMs <= 0) return
    const message = `Back-off pulling image ${JSON.stringify(name)}`
    this.#recorder.event(pod, 'Normal', 'BackOff', message)
    throw new ImageError('ImagePullBackOff', `${message}: ErrImagePull: ${failed.message}`, waitMs)
  }

  async #pull(pod: Pod, name: string, reference: string, signal: AbortSignal): Promise<{ image: Image; ref: string }> {
    signal.throwIfAborted()
    const key = `${pod.metadata?.uid}_${name}`
    const startedMs = this.#clock.monotonic()
    this.#recorder.event(pod, 'Normal', 'Pulling', `Pulling image ${JSON.stringify(name)}`)
    const errors: string[] = []
    const credentials = await this.#credentials(pod, reference)
    for (const auth of credentials.length === 0 ? [undefined] : credentials) {
      try {
        const ref = await this.#runtime.pullImage(reference, auth, signal)
        const image = await this.#runtime.imageStatus(reference)
        if (image === undefined) throw new RuntimeError('NotFound', `image ${reference} is not there after its pull`)
        const took = duration(this.#clock.monotonic() - startedMs)
        this.#recorder.event(
          pod,
          'Normal',
          'Pulled',
          `Successfully pulled image ${JSON.stringify(name)} in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`,
        )
        this.#backoff.forget(key)
        this.#failedAt.delete(key)
        return { image, ref }
      } catch (error) {
        signal.throwIfAborted()
        errors.push(inGrpcWords(error))
      }
    }
    const why = errors.length === 1 ? errors[0]! : `[${[...new Set(errors)].join(', ')}]`
    const message = `Failed to pull image ${JSON.stringify(name)}: ${why}`
    const nowMs = this.#clock.now()
    this.#backoff.next(key, nowMs)
    this.#failedAt.set(key, { atMs: nowMs, message: why })
    this.#recorder.event(pod, 'Warning', 'Failed', message)
    throw new ImageError('ErrImagePull', why, this.#backoff.delayMs(key))
  }

  async #credentials(pod: Pod, reference: string): Promise<ImageAuth[]> {
    const { namespace = '', uid = '' } = pod.metadata ?? {}
    const found: ImageAuth[] = []
    const missing: string[] = []
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      if (!name) continue
      const secret = await this.#objects.secret(namespace, name, uid)
      if (secret === undefined) missing.push(name)
      else found.push(...credentialsFor(secret, reference))
    }
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`
      this.#recorder.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message)
    }
    return found
  }

  /** Pulls wait for one another, as upstream's default serial pulls do. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work, work)
    this.#tail = turn.catch(() => undefined)
    return turn
  }
}

/** The full name the runtime knows: docker.io and latest are implied. */
export function qualified(name: string): string {
  const digest = name.includes('@')
  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost'
  const withRegistry = hasRegistry ? name : slash === -1 ? `docker.io/library/${name}` : `docker.io/${name}`
  const tagged = /:[\w][\w.-]*$/.test(withRegistry.slice(withRegistry.lastIndexOf('/')))
  return digest || tagged ? withRegistry : `${withRegistry}:latest`
}

/** As upstream shows errors of the runtime. */
const inGrpcWords = (error: unknown): string =>
  error instanceof RuntimeError
    ? `rpc error: code = ${error.code} desc = ${error.message}`
    : error instanceof Error
      ? error.message
      : String(error)

const duration = (ms: number): string => (ms < 1000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(3).replace(/\.?0+$/, '')}s`)
