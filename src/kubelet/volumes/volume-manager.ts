import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Pod, persistentVolumeClaims, persistentVolumes, serviceAccounts, type TokenRequest } from '#api'
import type { Clock } from '#base'
import type { Client } from '#client'
import type { PodFacts } from '../containers/field-path.ts'
import type { ObjectSource } from '../pods/object-source.ts'
import { VolumeError, volumeTypes } from './index.ts'
import type { MountedVolume, TmpfsOptions } from './volume.ts'

const run = promisify(execFile)

/** Makes the volumes of pods and takes them away. */
export interface VolumeManager {
  /** By volume name. Throws a {@link VolumeError} that names the volume. May be called any number of times. */
  prepare(pod: Pod, facts: PodFacts): Promise<ReadonlyMap<string, MountedVolume>>
  /** Directory of files that belong to the pod itself: hosts, resolv.conf, termination messages. */
  podDirectory(uid: string): string
  remove(uid: string): Promise<void>
  /** Pods that something is kept of. */
  uids(): readonly string[]
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
  /** Directories seen to be mounted: asking the kernel again at every sync would read its whole table. */
  readonly #mounted = new Set<string>()
  /** Volumes, by directory, that were made at least once. */
  readonly #prepared = new Set<string>()

  constructor(options: { root: string; client: Client; clock: Clock; objects: ObjectSource }) {
    this.#root = options.root
    this.#client = options.client
    this.#clock = options.clock
    this.#objects = options.objects
  }

  podDirectory(uid: string): string {
    return join(this.#root, 'pods', uid)
  }

  async prepare(pod: Pod, facts: PodFacts): Promise<ReadonlyMap<string, MountedVolume>> {
    const { uid = '', namespace = '' } = pod.metadata ?? {}
    const mounted = new Map<string, MountedVolume>()
    for (const volume of pod.spec?.volumes ?? []) {
      const type = volumeTypes.find(({ field }) => volume[field] !== undefined)
      if (type === undefined)
        throw new VolumeError(
          `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : unsupported volume type ${Object.keys(volume).find((key) => key !== 'name') ?? ''}`,
        )
      const directory = join(this.podDirectory(uid), 'volumes', type.plugin, volume.name)
      try {
        const prepared = await type.prepare(volume, {
          pod,
          directory,
          clock: this.#clock,
          facts,
          defaultMode: 0o644,
          isNew: !this.#prepared.has(directory),
          claim: (name) => this.#client.find(persistentVolumeClaims, `${namespace}/${name}`),
          persistentVolume: (name) => this.#client.find(persistentVolumes, name),
          configMap: (name) => this.#objects.configMap(namespace, name, uid),
          secret: (name) => this.#objects.secret(namespace, name, uid),
          trustBundles: () => this.#objects.trustBundles(uid),
          token: (audience, seconds) => this.#token(pod, audience, seconds),
          mountTmpfs: (target, tmpfs) => this.#mountTmpfs(target, tmpfs),
        })
        mounted.set(volume.name, prepared)
        this.#prepared.add(directory)
      } catch (error) {
        throw setUpError(volume.name, error)
      }
    }
    return mounted
  }

  async remove(uid: string): Promise<void> {
    this.#tokens.delete(uid)
    const directory = this.podDirectory(uid)
    if (!existsSync(directory)) return
    for (const mounted of mountsBelow(directory)) {
      await run('umount', [mounted])
      this.#mounted.delete(mounted)
    }
    rmSync(directory, { recursive: true, force: true })
    for (const prepared of this.#prepared) if (prepared.startsWith(`${directory}/`)) this.#prepared.delete(prepared)
  }

  uids(): readonly string[] {
    const directory = join(this.#root, 'pods')
    return existsSync(directory) ? readdirSync(directory) : []
  }

  renewAt(uid: string): number | undefined {
    const times = [...(this.#tokens.get(uid)?.values() ?? [])].map(({ renewAtMs }) => renewAtMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async #mountTmpfs(directory: string, options: TmpfsOptions): Promise<void> {
    if (this.#mounted.has(directory)) return
    await mountTmpfs(directory, options)
    this.#mounted.add(directory)
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

/** Named after the volume, unless the message says what it is about. */
function setUpError(volume: string, error: unknown): VolumeError {
  const { message } = error as Error
  if (/^(error processing PVC|MountVolume\.)/.test(message)) return new VolumeError(message, { cause: error })
  return new VolumeError(`MountVolume.SetUp failed for volume ${JSON.stringify(volume)} : ${message}`, { cause: error })
}

/** For nodes without containers: nothing on disk. */
export class NoVolumes implements VolumeManager {
  async prepare(): Promise<ReadonlyMap<string, MountedVolume>> {
    return new Map()
  }
  podDirectory(): string {
    return ''
  }
  async remove(): Promise<void> {}
  uids(): readonly string[] {
    return []
  }
  renewAt(): undefined {
    return undefined
  }
}

async function mountTmpfs(directory: string, { sizeBytes, group }: TmpfsOptions): Promise<void> {
  if (mountsBelow(directory).includes(directory)) return
  mkdirSync(directory, { recursive: true })
  const options = [group === undefined ? 'mode=1777' : `mode=3777,gid=${group}`]
  if (sizeBytes !== undefined) options.push(`size=${sizeBytes}`)
  await run('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', directory])
}

/** Mount points at or below a directory, deepest first. */
function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length)
}
