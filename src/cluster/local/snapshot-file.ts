import { createHash } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createTarDecoder } from 'modern-tar'
import { packTar } from 'modern-tar/fs'

/** The first file of a snapshot; a newer format is refused. */
export interface Manifest {
  readonly formatVersion: number
  readonly takenAt: string
  /** Of the store. */
  readonly revision: number
  /** What kept the store; `embedded` where it is not said. */
  readonly backend?: Backend
  /** SHA-256 of every other file, in hexadecimal digits. */
  readonly sums?: Readonly<Record<string, string>>
}

export type Backend = 'embedded' | 'etcd'

/** A snapshot that was checked, whose parts lie in a directory (0700) until it is disposed of. */
export interface SnapshotFile extends Disposable {
  readonly manifest: Manifest
  readonly backend: Backend
  readonly directory: string
  /** `cluster.json`, `pki/NAME`, and one below `store/`. */
  readonly names: readonly string[]
}

/** By name; what is large is in a file. */
export type Parts = ReadonlyMap<string, Uint8Array | { readonly file: string }>

/** 1: holds a database of the first embedded format. 2: a checkpoint of the present one. 3: names its backend and has checksums. */
const FORMAT_VERSION = 3
const MANIFEST = 't8s-snapshot.json'
export const CONFIG = 'cluster.json'
/** What `etcdctl snapshot status` reads. */
export const ETCD_DATABASE = 'store/etcd.db'

/** What may be in a snapshot; anything else is not of our making and is not written anywhere. */
const NAMES = /^(t8s-snapshot\.json|cluster\.json|pki\/[a-z-]+\.(crt|key|pub)|store\/[a-z0-9]+\.(db|checkpoint))$/

/** Writes a snapshot (0600), piece by piece. It has its name once all of it is on disk. Resolves with its size. */
export async function writeSnapshot(
  target: string,
  manifest: Omit<Manifest, 'formatVersion' | 'sums'>,
  parts: Parts,
): Promise<number> {
  const sums: Record<string, string> = {}
  for (const [name, part] of parts) sums[name] = await sumOf(part)
  const whole: Manifest = { formatVersion: FORMAT_VERSION, ...manifest, sums }
  const sources = [[MANIFEST, Buffer.from(JSON.stringify(whole))] as const, ...parts].map(([name, part]) => {
    const common = { target: name, mode: 0o600, mtime: new Date(0) }
    return part instanceof Uint8Array
      ? { type: 'content' as const, content: part, ...common }
      : { type: 'file' as const, source: part.file, ...common }
  })
  const unfinished = `${target}.new`
  try {
    await pipeline(packTar(sources), createWriteStream(unfinished, { mode: 0o600, flush: true }))
    renameSync(unfinished, target)
  } finally {
    rmSync(unfinished, { force: true })
  }
  return statSync(target).size
}

async function sumOf(part: Uint8Array | { readonly file: string }): Promise<string> {
  const hash = createHash('sha256')
  if (part instanceof Uint8Array) hash.update(part)
  else await pipeline(createReadStream(part.file), hash)
  return hash.digest('hex')
}

/** Takes a snapshot apart and checks it. Throws a sentence when it is none, is damaged, or is of a newer version. */
export async function openSnapshot(file: string): Promise<SnapshotFile> {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`)
  using stack = new DisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 't8s-snapshot-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const found = await takeApart(file, directory)
  const manifest = readManifest(file, directory, found)
  const names = [...found.keys()].filter((name) => name !== MANIFEST)
  const { backend = 'embedded', sums } = manifest
  const needed = sums === undefined ? [CONFIG, 'pki/sa.pub'] : Object.keys(sums)
  const missing = needed.find((name) => !found.has(name)) ?? (storeFileOf(names) === undefined ? 'the store' : undefined)
  if (missing !== undefined) throw noSnapshot(file, `${missing} is missing; it was cut off, or made by hand`)
  const damaged = names.find((name) => sums !== undefined && sums[name] !== found.get(name))
  if (damaged !== undefined) throw new Error(`${file} is damaged: ${damaged} is not what was saved; use another snapshot`)
  const owned = stack.move()
  return { manifest, backend, directory, names, [Symbol.dispose]: () => owned.dispose() }
}

/** Writes each part to a file of its own. Resolves with their checksums, by name. */
async function takeApart(file: string, directory: string): Promise<Map<string, string>> {
  const sums = new Map<string, string>()
  try {
    const entries = Readable.toWeb(createReadStream(file)).pipeThrough(createTarDecoder())
    for await (const { header, body } of entries) {
      const { name } = header
      // Not of our making, so it is not written anywhere.
      if (!NAMES.test(name)) throw new Error(`it holds ${name}`)
      if (sums.has(name)) throw new Error(`it holds ${name} twice`)
      const path = join(directory, name)
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      const hash = createHash('sha256')
      const hashing = new Transform({
        transform(piece: Buffer, _encoding, done) {
          hash.update(piece)
          done(null, piece)
        },
      })
      await pipeline(Readable.fromWeb(body), hashing, createWriteStream(path, { mode: 0o600 }))
      sums.set(name, hash.digest('hex'))
    }
  } catch (error) {
    throw noSnapshot(file, (error as Error).message, error)
  }
  return sums
}

function readManifest(file: string, directory: string, found: ReadonlyMap<string, string>): Manifest {
  if (!found.has(MANIFEST)) throw noSnapshot(file, `${MANIFEST} is not in it`)
  let manifest: Manifest
  try {
    manifest = JSON.parse(readFileSync(join(directory, MANIFEST), 'utf8')) as Manifest
  } catch (error) {
    throw noSnapshot(file, `${MANIFEST} is no JSON`, error)
  }
  const { formatVersion } = manifest
  if (formatVersion > FORMAT_VERSION)
    throw new Error(
      `${file} was written by a newer version of t8s (format ${formatVersion}, this one knows ${FORMAT_VERSION}); upgrade t8s`,
    )
  return manifest
}

const noSnapshot = (file: string, why: string, cause?: unknown): Error =>
  new Error(`${file} is no snapshot of t8s: ${why}`, { cause })

/** The file that holds the store. */
export const storeFileOf = (names: readonly string[]): string | undefined => names.find((name) => name.startsWith('store/'))
