import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { systemClock, systemRandom } from '#base'
import {
  type ContentSink,
  ContentSpool,
  EtcdDatabaseFile,
  type OrderedContents,
  readEtcdDatabase,
  readSavedStore,
  writeEtcdDatabase,
  writeFirstFormat,
} from '#store'
import { ETCD_CA } from '../etcd/local-member.ts'
import { type MemberFile, peerURLOf, writeMember } from '../etcd/member-file.ts'
import { ETCD_PROGRAMS, ensurePackages, findProgram } from '../node/packages.ts'
import { createAuthority } from '../pki.ts'
import { writePair } from '../pki-directory.ts'
import { writePrivateFile } from '../private-file.ts'
import { OWN_ETCD } from '../store.ts'
import { addressOfHost } from './address.ts'
import { type ClusterConfig, readConfig, writeConfig } from './config.ts'
import { type Paths, pathsOf } from './paths.ts'
import { CONFIG, ETCD_DATABASE, openSnapshot, type SnapshotFile } from './snapshot-file.ts'

export interface RestoreOptions {
  /** The restored cluster's store; by default that of the saved one. */
  readonly store?: 'embedded' | 'etcd' | undefined
  /** Of the etcd member that it begins with. */
  readonly name: string
  readonly advertiseAddress?: string | undefined
  readonly etcdClientPort: number
  readonly etcdPeerPort: number
  readonly install: boolean
  readonly progress: (step: string) => void
}

/** As etcd's documentation has it: more than is ever written between a snapshot and what it replaces, so that no client sees revisions go back. */
const REVISIONS_AHEAD = 1_000_000_000
const RESTORE_PROGRAMS = { ...ETCD_PROGRAMS, etcdctl: 'etcd-client' }
/** What is there only while a server lives, and what writes of a process that is gone waited for. */
const PASSING = ['/registry/masterleases/', '/registry/t8s-fences/']

/**
 * Makes the data directory of a cluster from a snapshot, over the store it had or another; `t8s up` or `t8s server` then starts it. The directory must not hold anything, and is
 * whole or not there. Values are the same bytes; revisions go on far above those of the saved cluster. Throws a sentence.
 */
export async function restoreSnapshot(
  dataDirectory: string,
  file: string,
  options: RestoreOptions,
): Promise<{ readonly takenAt: string; readonly revision: number; readonly store: string }> {
  const paths = pathsOf(dataDirectory)
  if (existsSync(paths.root) && readdirSync(paths.root).length > 0)
    throw new Error(`${paths.root} is not empty; a snapshot is restored into a new directory, named with --data-dir`)
  using snapshot = await openSnapshot(resolve(file))
  using contents = await contentsOf(snapshot, basename(file))
  const staged = pathsOf(join(dirname(paths.root), `.${basename(paths.root)}-${systemRandom.suffix(8)}`))
  try {
    for (const name of snapshot.names) {
      if (name.startsWith('store/')) continue
      const path = join(staged.root, name)
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writePrivateFile(path, readFileSync(join(snapshot.directory, name)))
    }
    const saved = adapted(readConfig(staged.config)!, options)
    const store = chosenStore(saved, options)
    const { etcd: _elsewhere, ...own } = saved
    writeConfig(staged.config, { ...own, store })
    if (store === OWN_ETCD) await fillEtcd(staged, own, contents, options)
    else await writeFirstFormat(staged.store, contents, { bump: REVISIONS_AHEAD, clock: systemClock })
    // Empty if it is there: renaming takes its place.
    mkdirSync(dirname(paths.root), { recursive: true })
    renameSync(staged.root, paths.root)
    return { ...snapshot.manifest, store }
  } finally {
    rmSync(staged.root, { recursive: true, force: true })
  }
}

/** What a snapshot's store held, under the keys that API servers use; in a file beside the snapshot's, and gone with it. */
export async function contentsOf({ backend, directory }: SnapshotFile, what: string): Promise<ContentSpool> {
  using stack = new DisposableStack()
  const spool = stack.use(await ContentSpool.create(join(directory, 'contents')))
  try {
    if (backend === 'etcd') {
      const prefix = `/${readConfig(join(directory, CONFIG))?.etcd?.prefix ?? '/registry'}/`.replace(/\/+/g, '/')
      using database = new EtcdDatabaseFile(join(directory, ETCD_DATABASE))
      spool.revision = readEtcdDatabase(database, living(spool, prefix), prefix)
    } else {
      const sink = living(spool, '/registry/')
      spool.revision = await readSavedStore(join(directory, 'store'), sink, systemClock)
    }
  } catch (error) {
    throw new Error(`the store in ${what} can't be read: ${(error as Error).message}`, { cause: error })
  }
  stack.move()
  return spool
}

/** What lives on of keys under `prefix`. */
function living(spool: ContentSpool, prefix: string): ContentSink {
  const keyOf = (key: string): string | undefined => {
    const own = `/registry/${key.slice(prefix.length)}`
    return key.startsWith(prefix) && !PASSING.some((each) => own.startsWith(each)) ? own : undefined
  }
  return {
    put(entry) {
      const key = keyOf(entry.key)
      if (key !== undefined) spool.put({ ...entry, key })
    },
    delete(entry) {
      const key = keyOf(entry)
      if (key !== undefined) spool.delete(key)
    },
  }
}

function chosenStore({ store: saved }: ClusterConfig, { store }: RestoreOptions): string {
  if (store !== undefined) return store
  if (saved === 'embedded' || saved === OWN_ETCD) return saved
  throw new Error(
    `the saved cluster was kept in an etcd of others (${saved}); say --store embedded, or --cluster-init for an etcd of this machine`,
  )
}

/** A member with a new id of a cluster with a new id, so that no member of the saved one can take it for its own. */
async function fillEtcd(paths: Paths, config: ClusterConfig, contents: OrderedContents, options: RestoreOptions): Promise<void> {
  await ensurePackages(options, RESTORE_PROGRAMS)
  if (!existsSync(join(paths.pki, `${ETCD_CA}.key`)))
    writePair(paths.pki, ETCD_CA, await createAuthority(ETCD_CA, { clock: systemClock, random: systemRandom }))
  const { name, etcdClientPort: clientPort, etcdPeerPort: peerPort } = options
  const member: MemberFile = { name, address: config.advertiseAddress, clientPort, peerPort, phase: 'member', others: [] }
  writeMember(paths, member)
  const database = join(paths.etcd, 'restored.db')
  writeEtcdDatabase(database, contents, { bump: REVISIONS_AHEAD })
  const words = [
    ['--data-dir', join(paths.etcd, 'data')],
    ['--name', name],
    ['--initial-cluster', `${name}=${peerURLOf(member)}`],
    ['--initial-cluster-token', config.id],
    ['--initial-advertise-peer-urls', peerURLOf(member)],
  ].flat()
  try {
    const env = { PATH: process.env['PATH'], ETCDCTL_API: '3' }
    await promisify(execFile)(findProgram('etcdctl')!, ['snapshot', 'restore', database, ...words], { env })
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? '').trim()
    throw new Error(`etcdctl could not make a member of the snapshot: ${said.split('\n').at(-1) || (error as Error).message}`, {
      cause: error,
    })
  } finally {
    rmSync(database, { force: true })
  }
}

/** Names in the kernel are the restored cluster's own, and it is where this machine is. */
function adapted(config: ClusterConfig, { advertiseAddress: wanted }: RestoreOptions): ClusterConfig {
  const own = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
  const advertiseAddress =
    wanted ?? (own.includes(config.advertiseAddress) ? config.advertiseAddress : (addressOfHost() ?? config.advertiseAddress))
  return { ...config, id: Buffer.from(systemRandom.bytes(4)).toString('hex'), advertiseAddress }
}
