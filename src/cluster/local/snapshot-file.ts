import { createHash } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { packTar, unpackTar } from 'modern-tar'

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

export interface SnapshotFile {
  readonly manifest: Manifest
  readonly backend: Backend
  /** By name: `cluster.json`, `pki/NAME`, and one below `store/`. */
  readonly files: ReadonlyMap<string, Buffer>
}

/** 1: holds a database of the first embedded format. 2: a checkpoint of the present one. 3: names its backend and has checksums. */
const FORMAT_VERSION = 3
const MANIFEST = 't8s-snapshot.json'
export const CONFIG = 'cluster.json'
/** What `etcdctl snapshot status` reads. */
export const ETCD_DATABASE = 'store/etcd.db'

/** What may be in a snapshot; anything else is not of our making and is not written anywhere. */
const NAMES = /^(t8s-snapshot\.json|cluster\.json|pki\/[a-z-]+\.(crt|key|pub)|store\/[a-z0-9]+\.(db|checkpoint))$/

/** Writes a snapshot (0600). It has its name once all of it is on disk. Resolves with its size. */
export async function writeSnapshot(
  target: string,
  manifest: Omit<Manifest, 'formatVersion' | 'sums'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<number> {
  const sums = Object.fromEntries([...files].map(([name, body]) => [name, sha256(body)]))
  const whole: Manifest = { formatVersion: FORMAT_VERSION, ...manifest, sums }
  const bytes = await packTar([
    entry(MANIFEST, Buffer.from(JSON.stringify(whole))),
    ...[...files].map(([name, body]) => entry(name, body)),
  ])
  const unfinished = `${target}.new`
  try {
    const file = openSync(unfinished, 'w', 0o600)
    try {
      writeSync(file, bytes)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(unfinished, target)
  } finally {
    rmSync(unfinished, { force: true })
  }
  return bytes.length
}

/** Reads a snapshot and checks it. Throws a sentence when it is none, is damaged, or is of a newer version. */
export async function readSnapshot(file: string): Promise<SnapshotFile> {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`)
  const no = (why: string, cause?: unknown): Error => new Error(`${file} is no snapshot of t8s: ${why}`, { cause })
  let entries: Awaited<ReturnType<typeof unpackTar>>
  try {
    entries = await unpackTar(readFileSync(file))
  } catch (error) {
    throw no((error as Error).message, error)
  }
  const files = new Map(entries.map(({ header, data }) => [header.name, Buffer.from(data ?? new Uint8Array())]))
  const first = files.get(MANIFEST)
  if (first === undefined) throw no(`${MANIFEST} is not in it`)
  files.delete(MANIFEST)
  const manifest = JSON.parse(first.toString()) as Manifest
  const { formatVersion, backend = 'embedded', sums } = manifest
  if (formatVersion > FORMAT_VERSION)
    throw new Error(
      `${file} was written by a newer version of t8s (format ${formatVersion}, this one knows ${FORMAT_VERSION}); upgrade t8s`,
    )
  const strange = [...files.keys()].find((name) => !NAMES.test(name))
  if (strange !== undefined) throw no(`it holds ${strange}`)
  const needed = sums === undefined ? [CONFIG, 'pki/sa.pub'] : Object.keys(sums)
  const missing = needed.find((name) => !files.has(name)) ?? (storeFileOf(files) === undefined ? 'the store' : undefined)
  if (missing !== undefined) throw no(`${missing} is missing; it was cut off, or made by hand`)
  const damaged = [...files].find(([name, body]) => sums !== undefined && sums[name] !== sha256(body))
  if (damaged !== undefined) throw new Error(`${file} is damaged: ${damaged[0]} is not what was saved; use another snapshot`)
  return { manifest, backend, files }
}

/** The file that holds the store. */
export const storeFileOf = (files: ReadonlyMap<string, Buffer>): string | undefined =>
  [...files.keys()].find((name) => name.startsWith('store/'))

const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

const entry = (name: string, body: Uint8Array) => ({
  header: { name, size: body.length, mode: 0o600, type: 'file' as const, mtime: new Date(0) },
  body,
})
