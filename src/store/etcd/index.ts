import type { Clock, Log, Random } from '#base'
import type { Store } from '../store.ts'
import type { EtcdEndpoints } from './endpoint.ts'

export { type EtcdTls, parseEndpoint } from './endpoint.ts'

export interface EtcdOptions extends EtcdEndpoints {
  /** Instead of `/registry`. */
  readonly prefix?: string | undefined
  /** What of every key `prefix` replaces; `/registry` unless named. */
  readonly root?: string | undefined
  readonly clock: Clock
  readonly random?: Random | undefined
  readonly log?: Log | undefined
}

/** A store on a cluster of etcd v3.4 or later. Throws `StoreFailure` when no member answers. */
export async function openEtcdStore(options: EtcdOptions): Promise<Store> {
  // Who keeps nothing in etcd does not load what speaks to it.
  const { connectToEtcd } = await import('./connect.ts')
  return connectToEtcd(options)
}
