import { nullLog, systemRandom } from '#base'
import { type Store, StoreFailure } from '../store.ts'
import { EtcdConnection } from './connection.ts'
import { ChangingEndpoints, type EtcdEndpoints } from './endpoint.ts'
import { failureOf } from './errors.ts'
import { EtcdStore } from './etcd-store.ts'
import { explained } from './explain.ts'
import type { EtcdAccessOptions, EtcdOptions } from './index.ts'
import { KeySpace } from './key-space.ts'
import { EVERY_KEY, type RangeResponse, type StatusResponse } from './messages.ts'

/** Learners, and answers by which lost writes are found, are of this version. */
const VERSION_MIN = [3, 4] as const

export async function connectToEtcd(options: EtcdOptions): Promise<Store> {
  const { clock, random = systemRandom, checkCluster } = options
  const connection = await openConnection(options, options.onReplaced)
  try {
    const { header } = await connection.call<RangeResponse>('range', { ...EVERY_KEY, countOnly: true })
    const status = await connection.call<StatusResponse>('status', {})
    checkVersion(status.version ?? '')
    if (status.header?.clusterId !== undefined) checkCluster?.(status.header.clusterId.toString(16))
    const keys = new KeySpace(options.prefix, options.root)
    return new EtcdStore({ connection, keys, clock, random, revision: header?.revision ?? 0 })
  } catch (error) {
    connection[Symbol.dispose]()
    throw explained(failureOf(error), endpointsOf(options))
  }
}

export function openConnection(options: EtcdAccessOptions, onReplaced?: EtcdOptions['onReplaced']): Promise<EtcdConnection> {
  const { clock, random = systemRandom, log = nullLog } = options
  return EtcdConnection.open(endpointsOf(options), { clock, random, log, onReplaced })
}

const endpointsOf = ({ servers, tls }: EtcdAccessOptions): EtcdEndpoints =>
  servers instanceof ChangingEndpoints ? servers : { servers, tls }

function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major > VERSION_MIN[0] || (major === VERSION_MIN[0] && minor >= VERSION_MIN[1])) return
  throw new StoreFailure(
    'Refused',
    `this etcd is of version ${version || '(unknown)'}, and ${VERSION_MIN.join('.')} or later is needed; upgrade it`,
  )
}
