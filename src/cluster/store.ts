import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Log } from '#base'
import {
  type ChangingEndpoints,
  openEmbeddedStore,
  openEtcdStore,
  openMemoryStore,
  parseEndpoint,
  type Store,
  StoreFailure,
} from '#store'
import { writePrivateFile } from './private-file.ts'

/** Which store, and how an etcd cluster is reached. */
export interface StoreChoice {
  /** `embedded`, `memory`, `etcd=URL,URL`, or `etcd` for the one whose member is on this machine. */
  readonly store: string
  readonly etcd?: EtcdAccess | undefined
}

/** Files in PEM, as `--etcd-cafile`, `--etcd-certfile`, `--etcd-keyfile`, and `--etcd-prefix`. */
export interface EtcdAccess {
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly prefix?: string | undefined
}

/** What every store is opened with. */
export interface StoreDependencies {
  readonly clock: Clock
  readonly log: Log
  /** Told that an etcd was restored or replaced: what the process knows is no longer so, and it should end. */
  readonly onFailure?: ((error: Error) => void) | undefined
}

const ETCD = 'etcd='
/** The store of a server that has an etcd member of its own. */
export const OWN_ETCD = 'etcd'

/** The store that a configuration names. */
export async function openStore(
  { store: kind, etcd }: StoreChoice,
  { directory, clock, log, onFailure }: StoreDependencies & { readonly directory: string },
): Promise<Store> {
  checkStoreChoice({ store: kind, etcd })
  if (kind === 'embedded') return openEmbeddedStore({ directory, clock, log: log.child({ component: 'store' }) })
  if (kind === 'memory') return openMemoryStore({ clock })
  return openEtcdStore({
    servers: etcdServersOf(kind)!,
    tls: {
      ca: readPem('CA', etcd?.caFile),
      certificate: readPem('certificate', etcd?.certFile),
      key: readPem('key', etcd?.keyFile),
    },
    prefix: etcd?.prefix,
    checkCluster: (id) => checkClusterId(directory, id, etcdServersOf(kind)!),
    onReplaced: onFailure,
    clock,
    log: log.child({ component: 'etcd' }),
  })
}

/** The store behind this machine's own member. After a power failure the others may take a while, so it waits for a majority as long as it takes. */
export async function openOwnStore(endpoints: ChangingEndpoints, { clock, log, onFailure }: StoreDependencies): Promise<Store> {
  for (;;) {
    try {
      return await openEtcdStore({
        servers: endpoints,
        onReplaced: onFailure,
        clock,
        log: log.child({ component: 'etcd' }),
      })
    } catch (error) {
      if (!(error instanceof StoreFailure) || error.reason !== 'Unavailable') throw error
      // Opening has tried for seconds before it gave up.
      log.warn('Waiting for a majority of the members of etcd', { because: error.message })
    }
  }
}

const CLUSTER_ID = 'etcd-cluster-id'

/** Another etcd under the same URLs would look like a cluster whose objects are all gone, and controllers would act on that. */
function checkClusterId(directory: string, id: string, servers: readonly string[]): void {
  const path = join(directory, CLUSTER_ID)
  const known = existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined
  if (known === undefined) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writePrivateFile(path, `${id}\n`)
  } else if (known !== id) {
    throw new StoreFailure(
      'Refused',
      `etcd at ${servers.join(', ')} is cluster ${id}, and this server belongs to cluster ${known}; check the URLs, or delete ${path} if it was restored on purpose`,
    )
  }
}

/** Throws one sentence when it names no store. */
export function checkStoreChoice({ store, etcd }: StoreChoice): void {
  const servers = etcdServersOf(store)
  if (servers === undefined) {
    if (store === 'embedded' || store === 'memory') return
    throw new Error(`there is no store ${JSON.stringify(store)}; use embedded, or etcd=URL,URL`)
  }
  if (servers.length === 0) throw new Error('no member of the etcd cluster is named; it looks like etcd=https://10.0.0.1:2379')
  for (const server of servers) parseEndpoint(server)
  if ((etcd?.certFile === undefined) !== (etcd?.keyFile === undefined))
    throw new Error('a client certificate for etcd and its key belong together; name both files')
}

/** How objects are kept: as upstream does where its tools may look, else as they are sent. */
export const storageFormOf = ({ isShared }: Store): 'json' | 'protobuf' => (isShared ? 'protobuf' : 'json')

const etcdServersOf = (store: string): string[] | undefined =>
  store.startsWith(ETCD)
    ? store
        .slice(ETCD.length)
        .split(',')
        .filter((each) => each !== '')
    : undefined

function readPem(what: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`the ${what} for etcd cannot be read from ${path}: ${(error as Error).message}`, { cause: error })
  }
}
