import { type Clock, type Log, nullLog, type Random, systemRandom } from '#base'
import type { Store } from '../store.ts'
import { EtcdConnection, type EtcdTls } from './connection.ts'
import { failureOf } from './errors.ts'
import { EtcdStore } from './etcd-store.ts'
import { KeySpace } from './key-space.ts'
import { EVERY_KEY, type RangeResponse } from './messages.ts'

export { parseEndpoint } from './connection.ts'
export type { EtcdTls }

export interface EtcdOptions {
  /** `http://host:port` or `https://host:port` of the members. */
  readonly servers: readonly string[]
  readonly tls?: EtcdTls | undefined
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
  const { servers, tls, clock, random = systemRandom, log = nullLog } = options
  const connection = await EtcdConnection.open({ servers, tls }, { clock, random, log })
  try {
    const { header } = await connection.call<RangeResponse>('range', { ...EVERY_KEY, countOnly: true })
    const keys = new KeySpace(options.prefix, options.root)
    return new EtcdStore({ connection, keys, clock, random, revision: header?.revision ?? 0 })
  } catch (error) {
    connection[Symbol.dispose]()
    throw failureOf(error)
  }
}
