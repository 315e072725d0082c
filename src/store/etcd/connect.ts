import { nullLog, systemRandom } from '#base'
import type { Store } from '../store.ts'
import { EtcdConnection } from './connection.ts'
import { failureOf } from './errors.ts'
import { EtcdStore } from './etcd-store.ts'
import type { EtcdOptions } from './index.ts'
import { KeySpace } from './key-space.ts'
import { EVERY_KEY, type RangeResponse } from './messages.ts'

export async function connectToEtcd(options: EtcdOptions): Promise<Store> {
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
