import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { packTar, unpackTar } from 'modern-tar'
import { systemClock, systemRandom } from '#base'
import { formatTime } from '#meta'
import { EMBEDDED_STORE_FILE } from '#store'
import { callControl } from '../control-socket.ts'
import { writePrivateFile } from '../pki-directory.ts'
import { addressOfHost } from './address.ts'
import { type ClusterConfig, readConfig, writeConfig } from './config.ts'
import { pathsOf, serverSocket } from './paths.ts'

/** The first file of a snapshot; a newer format is refused. */
interface Manifest {
  readonly formatVersion: number
  readonly takenAt: string
  /** Of the store. */
  readonly revision: number
}

const FORMAT_VERSION = 2
/** What the first format has in place of the present one's; the store moves it when it opens. */
const FIRST_STORE_FILE = 'store.db'
const MANIFEST = 't8s-snapshot.json'
const CONFIG = 'cluster.json'

/**
 * Saves a running cluster to a file (0600): every object as of one moment, the authorities and keys by which its tokens and nodes are known, and its settings. Images,
 * volumes and logs of nodes are not in it. Throws a sentence.
 */
export async function saveSnapshot(
  dataDirectory: string,
  file: string,
): Promise<{ readonly revision: number; readonly bytes: number }> {
  const paths = pathsOf(dataDirectory)
  if (readConfig(paths.config) === undefined) throw new Error("there is no cluster here; start one with 't8s up'")
  const target = resolve(file)
  if (existsSync(target)) throw new Error(`${target} is there already; name another file, or remove it`)
  const copy = join(paths.run, `snapshot-${systemRandom.suffix(8)}.db`)
  try {
    const taken = (await callControl(serverSocket(paths), 'snapshot', { file: copy })) as { revision: number } | undefined
    if (taken === undefined) throw new Error("the control plane does not run; start it with 't8s up'")
    const manifest: Manifest = { formatVersion: FORMAT_VERSION, takenAt: formatTime(systemClock.now()), revision: taken.revision }
    const keys = readdirSync(paths.pki).filter((name) => /\.(crt|key|pub)$/.test(name))
    const bytes = await packTar([
      entry(MANIFEST, Buffer.from(JSON.stringify(manifest))),
      entry(CONFIG, readFileSync(paths.config)),
      ...keys.sort().map((name) => entry(`pki/${name}`, readFileSync(join(paths.pki, name)))),
      entry(`store/${EMBEDDED_STORE_FILE}`, readFileSync(copy)),
    ])
    const unfinished = `${target}.new`
    writeFileSync(unfinished, bytes, { mode: 0o600 })
    renameSync(unfinished, target)
    return { revision: taken.revision, bytes: bytes.length }
  } finally {
    rmSync(copy, { force: true })
  }
}

const entry = (name: string, body: Uint8Array) => ({
  header: { name, size: body.length, mode: 0o600, type: 'file' as const, mtime: new Date(0) },
  body,
})

/** What may be in a snapshot; anything else is not of our making and is not written anywhere. */
const NAMES = /^(t8s-snapshot\.json|cluster\.json|pki\/[a-z-]+\.(crt|key|pub)|store\/(store\.db|00000000\.checkpoint))$/

/**
 * Makes the data directory of a cluster from a snapshot; `t8s up` then starts it. The directory must not hold anything, and is whole or not there. Throws a sentence.
 */
export async function restoreSnapshot(
  dataDirectory: string,
  file: string,
): Promise<{ readonly takenAt: string; readonly revision: number }> {
  const paths = pathsOf(dataDirectory)
  if (existsSync(paths.root) && readdirSync(paths.root).length > 0)
    throw new Error(`${paths.root} is not empty; a snapshot is restored into a new directory, named with --data-dir`)
  const files = await readSnapshot(resolve(file))
  const manifest = JSON.parse(files.get(MANIFEST)!.toString()) as Manifest
  const staged = join(dirname(paths.root), `.${basename(paths.root)}-${systemRandom.suffix(8)}`)
  try {
    for (const [name, body] of files) {
      if (name === MANIFEST) continue
      const path = join(staged, name)
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writePrivateFile(path, body)
    }
    const configPath = join(staged, CONFIG)
    writeConfig(configPath, adapted(readConfig(configPath)!))
    // Empty if it is there: renaming takes its place.
    mkdirSync(dirname(paths.root), { recursive: true })
    renameSync(staged, paths.root)
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
  return manifest
}

async function readSnapshot(file: string): Promise<Map<string, Buffer>> {
  if (!existsSync(file)) throw new Error(`there is no file ${file}`)
  const no = (why: string, cause?: unknown): Error => new Error(`${file} is no snapshot of t8s: ${why}`, { cause })
  let entries: Awaited<ReturnType<typeof unpackTar>>
  try {
    entries = await unpackTar(readFileSync(file))
  } catch (error) {
    throw no((error as Error).message, error)
  }
  const files = new Map(entries.map(({ header, data }) => [header.name, Buffer.from(data ?? new Uint8Array())]))
  const manifest = files.get(MANIFEST)
  if (manifest === undefined) throw no(`${MANIFEST} is not in it`)
  const { formatVersion } = JSON.parse(manifest.toString()) as Manifest
  if (formatVersion > FORMAT_VERSION)
    throw new Error(
      `${file} was written by a newer version of t8s (format ${formatVersion}, this one knows ${FORMAT_VERSION}); upgrade t8s`,
    )
  const strange = [...files.keys()].find((name) => !NAMES.test(name))
  if (strange !== undefined) throw no(`it holds ${strange}`)
  const store = `store/${formatVersion === 1 ? FIRST_STORE_FILE : EMBEDDED_STORE_FILE}`
  for (const name of [CONFIG, store, 'pki/sa.pub'])
    if (!files.has(name)) throw no(`${name} is missing; it was cut off, or made by hand`)
  return files
}

/** Names in the kernel are the restored cluster's own, and it is where this machine is. */
function adapted(config: ClusterConfig): ClusterConfig {
  const own = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
  const advertiseAddress = own.includes(config.advertiseAddress)
    ? config.advertiseAddress
    : (addressOfHost() ?? config.advertiseAddress)
  return { ...config, id: Buffer.from(systemRandom.bytes(4)).toString('hex'), advertiseAddress }
}
