import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Pod, serviceAccounts, type TokenRequest } from '#api'
import type { Clock } from '#base'
import type { Client } from '#client'
import type { PodFacts } from '../containers/field-path.ts'
import type { ObjectSource } from '../pods/object-source.ts'
import { VolumeError, volumeTypes } from './index.ts'

const run = promisify(execFile)

/** Makes the volumes of pods and takes them away. */
export interface VolumeManager {
  /** Paths by volume name. Throws a {@link VolumeError} that names the volume. May be called any number of times. */
  prepare(pod: Pod, facts: PodFacts): Promise<ReadonlyMap<string, string>>
  /** Directory of files that belong to the pod itself: hosts, resolv.conf, termination messages. */
  podDirectory(uid: string): string
  remove(uid: string): Promise<void>
  /** When the next of the pod's tokens wants renewal, in milliseconds since the epoch. */
  renewAt(uid: string): number | undefined
}

interface Token {
  readonly token: string
  readonly renewAtMs: number
}

/** Of a token's life, after which it is renewed (or after a day, whichever is sooner). */
const RENEW_AFTER = 0.8
const RENEW_AFTER_MS_MAX = 24 * 3600_000

export class DiskVolumes implements VolumeManager {
  readonly #root: string
  readonly #client: Client
  readonly #clock: Clock
  readonly #objects: ObjectSource
  readonly #tokens = new Map<string, Map<string, Token>>()

  constructor(options: { root: string; client: Client; clock: Clock; objects: ObjectSource }) {
    this.#root = options.root
    this.#client = options.client
    this.#clock = options.clock
    this.#objects = options.objects
  }

  podDirectory(uid: string): string {
    return join(this.#root, 'pods', uid)
  }

  async prepare(pod: Pod, facts: PodFacts): Promise<ReadonlyMap<string, string>> {
    const { uid = '', namespace = '' } = pod.metadata ?? {}
    const paths = new Map<string, string>()
    for (const volume of pod.spec?.volumes ?? []) {
      const type = volumeTypes.find(({ field }) => volume[field] !== undefined)
      if (type === undefined)
        throw new VolumeError(
          `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : unsupported volume type ${Object.keys(volume).find((key) => key !== 'name') ?? ''}`,
        )
      const directory = join(this.podDirectory(uid), 'volumes', type.plugin, volume.name)
      try {
        paths.set(
          volume.name,
          await type.prepare(volume, {
            pod,
            directory,
            clock: this.#clock,
            facts,
            defaultMode: 0o644,
            configMap: (name) => this.#objects.configMap(namespace, name, uid),
            secret: (name) => this.#objects.secret(namespace, name, uid),
            token: (audience, seconds) => this.#token(pod, audience, seconds),
            mountTmpfs,
          }),
        )
      } catch (error) {
        throw new VolumeError(
          `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${(error as Error).message}`,
          { cause: error },
        )
      }
    }
    return paths
  }

  async remove(uid: string): Promise<void> {
    this.#tokens.delete(uid)
    const directory = this.podDirectory(uid)
    if (!existsSync(directory)) return
    for (const mounted of mountsBelow(directory)) await run('umount', [mounted])
    rmSync(directory, { recursive: true, force: true })
  }

  renewAt(uid: string): number | undefined {
    const times = [...(this.#tokens.get(uid)?.values() ?? [])].map(({ renewAtMs }) => renewAtMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async #token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
    const { uid = '', namespace = '', name = '' } = pod.metadata ?? {}
    const id = `${audience ?? ''} ${expirationSeconds}`
    const tokens = this.#tokens.get(uid) ?? new Map<string, Token>()
    this.#tokens.set(uid, tokens)
    const known = tokens.get(id)
    const nowMs = this.#clock.now()
    if (known !== undefined && known.renewAtMs > nowMs) return known.token
    const request: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    }
    const account = `${namespace}/${pod.spec?.serviceAccountName || 'default'}`
    const { status } = await this.#client.createSubresource(serviceAccounts as never, account, 'token', request)
    const lifeMs = Date.parse(status?.expirationTimestamp ?? '') - nowMs
    const token = status?.token ?? ''
    tokens.set(id, { token, renewAtMs: nowMs + Math.min(lifeMs * RENEW_AFTER, RENEW_AFTER_MS_MAX) })
    return token
  }
}

/** For nodes without containers: nothing on disk. */
export class NoVolumes implements VolumeManager {
  async prepare(): Promise<ReadonlyMap<string, string>> {
    return new Map()
  }
  podDirectory(): string {
    return ''
  }
  async remove(): Promise<void> {}
  renewAt(): undefined {
    return undefined
  }
}

async function mountTmpfs(directory: string, sizeBytes: number | undefined): Promise<void> {
  if (mountsBelow(directory).includes(directory)) return
  mkdirSync(directory, { recursive: true })
  await run('mount', [
    '-t',
    'tmpfs',
    '-o',
    sizeBytes === undefined ? 'mode=1777' : `mode=1777,size=${sizeBytes}`,
    'tmpfs',
    directory,
  ])
}

/** Mount points at or below a directory, deepest first. */
function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length)
}
