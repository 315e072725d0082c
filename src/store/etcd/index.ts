import type { Clock, Log, Random } from '#base'
import type { Store, StoreFailure } from '../store.ts'
import type { EtcdAdmin } from './admin.ts'
import type { ChangingEndpoints, EtcdTls } from './endpoint.ts'

export type { EtcdAdmin, EtcdMember, EtcdStatus } from './admin.ts'
export { ChangingEndpoints, type EtcdTls, parseEndpoint } from './endpoint.ts'

export interface EtcdAccessOptions {
  /** `http://host:port` or `https://host:port`, as `--etcd-servers`; or what says so at any time, with its `tls`. */
  readonly servers: readonly string[] | ChangingEndpoints
  readonly tls?: EtcdTls | undefined
  readonly clock: Clock
  readonly random?: Random | undefined
  readonly log?: Log | undefined
}

export interface EtcdOptions extends EtcdAccessOptions {
  /** Instead of `/registry`. */
  readonly prefix?: string | undefined
  /** What of every key `prefix` replaces; `/registry` unless named. */
  readonly root?: string | undefined
  /** Throws when the cluster's id is not the one that was expected. */
  readonly checkCluster?: ((id: string) => void) | undefined
  /** Told once when the cluster was restored or replaced under this store, which then answers nothing any more. */
  readonly onReplaced?: ((error: StoreFailure) => void) | undefined
}

/** A store on a cluster of etcd v3.4 or later. Throws `StoreFailure` when no member answers. */
export async function openEtcdStore(options: EtcdOptions): Promise<Store> {
  // Who keeps nothing in etcd does not load what speaks to it.
  const { connectToEtcd } = await import('./connect.ts')
  return connectToEtcd(options)
}

/** The operator's side of a cluster. */
export async function openEtcdAdmin(options: EtcdAccessOptions): Promise<EtcdAdmin> {
  const { connectAsOperator } = await import('./admin.ts')
  return connectAsOperator(options)
}
