import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type Clock, systemRandom } from '#base'
import { formatTime } from '#meta'
import { EMBEDDED_STORE_FILE, EtcdDatabaseFile, etcdDatabaseRevision, etcdDatabaseStatus, type Store } from '#store'
import { callControl } from '../control-socket.ts'
import { readConfig } from './config.ts'
import { type Paths, pathsOf, serverSocket } from './paths.ts'
import { contentsOf } from './restore-snapshot.ts'
import { type Backend, CONFIG, ETCD_DATABASE, openSnapshot, storeFileOf, writeSnapshot } from './snapshot-file.ts'

export interface TakenSnapshot {
  readonly revision: number
  readonly bytes: number
}

/**
 * Saves a running cluster to a file (0600): every object as of one moment, the authorities and keys by which its tokens and nodes are known, and its settings. Images,
 * volumes and logs of nodes are not in it. Throws a sentence.
 */
export async function saveSnapshot(dataDirectory: string, file: string): Promise<TakenSnapshot> {
  const paths = pathsOf(dataDirectory)
  if (readConfig(paths.config) === undefined) throw new Error("there is no cluster here; start one with 't8s up'")
  const taken = (await callControl(serverSocket(paths), 'snapshot', { file: resolve(file) })) as TakenSnapshot | undefined
  if (taken === undefined) throw new Error("the control plane does not run; start it with 't8s up'")
  return taken
}

/** The server's part of it. */
export async function takeSnapshot(paths: Paths, store: Store, target: string, clock: Clock): Promise<TakenSnapshot> {
  if (existsSync(target)) throw new Error(`${target} is there already; name another file, or remove it`)
  if (store.snapshot === undefined) throw new Error('this store is in memory only, and can not be saved')
  const copy = join(paths.run, `snapshot-${systemRandom.suffix(8)}`)
  try {
    mkdirSync(paths.run, { recursive: true, mode: 0o700 })
    await store.snapshot(copy)
    const backend: Backend = store.isShared ? 'etcd' : 'embedded'
    // etcd's copy may be newer than the revision this server has heard of.
    const revision = store.isShared ? revisionOf(copy) : store.revision
    const keys = readdirSync(paths.pki).filter((name) => /\.(crt|key|pub)$/.test(name))
    const parts = new Map<string, Uint8Array | { readonly file: string }>([[CONFIG, readFileSync(paths.config)]])
    for (const name of keys.sort()) parts.set(`pki/${name}`, readFileSync(join(paths.pki, name)))
    parts.set(store.isShared ? ETCD_DATABASE : `store/${EMBEDDED_STORE_FILE}`, { file: copy })
    const bytes = await writeSnapshot(target, { takenAt: formatTime(clock.now()), revision, backend }, parts)
    return { revision, bytes }
  } finally {
    rmSync(copy, { force: true })
  }
}

export interface SnapshotStatus {
  readonly backend: Backend
  readonly takenAt: string
  readonly revision: number
  /** Of etcd's database all of its keys, as etcdctl counts them; else the objects. */
  readonly keys: number
  readonly bytes: number
  /** As `etcdctl snapshot status` has it; of an embedded store there is none. */
  readonly hash?: number
}

/** Reads a snapshot through, and says what is in it. Throws a sentence when it is not whole. */
export async function snapshotStatus(file: string): Promise<SnapshotStatus> {
  using snapshot = await openSnapshot(resolve(file))
  const { manifest, backend, directory, names } = snapshot
  const { takenAt, revision } = manifest
  const stored = join(directory, storeFileOf(names)!)
  if (backend === 'etcd') {
    using database = new EtcdDatabaseFile(stored)
    const { hash, keys, bytes } = etcdDatabaseStatus(database)
    return { backend, takenAt, revision, keys, bytes, hash }
  }
  const bytes = statSync(stored).size
  using contents = await contentsOf(snapshot, basename(file))
  return { backend, takenAt, revision, keys: contents.size, bytes }
}

function revisionOf(path: string): number {
  using database = new EtcdDatabaseFile(path)
  return etcdDatabaseRevision(database)
}
