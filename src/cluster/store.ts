import { readFileSync } from 'node:fs'
import type { Clock, Log } from '#base'
import { openEmbeddedStore, openEtcdStore, openMemoryStore, parseEndpoint, type Store } from '#store'

/** Which store, and how an etcd cluster is reached. */
export interface StoreChoice {
  /** `embedded`, `memory`, or `etcd=URL,URL`. */
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

const ETCD = 'etcd='

/** The store that a configuration names. */
export async function openStore(
  { store: kind, etcd }: StoreChoice,
  { directory, clock, log }: { readonly directory: string; readonly clock: Clock; readonly log: Log },
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
    clock,
    log: log.child({ component: 'etcd' }),
  })
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
