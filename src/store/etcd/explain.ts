import { StoreFailure } from '../store.ts'
import type { EtcdEndpoints } from './endpoint.ts'

/** What Node's TLS and etcd say of a connection that could not be made, and what to do. */
const CAUSES: readonly (readonly [sign: RegExp, sentence: string])[] = [
  [
    /self[- ]signed certificate|unable to (?:get|verify)|certificate signature failure/,
    'its certificate is of another authority than the one given (--etcd-cafile)',
  ],
  [/altnames|does not match certificate/, 'its certificate is for other names or addresses than the one it was asked at'],
  [/certificate has expired|certificate is not yet valid/, 'its certificate is not valid at the time of this machine'],
  [
    /bad certificate|certificate required|unknown ca|alert number (?:42|48|116)/,
    'it does not accept the client certificate (--etcd-certfile, --etcd-keyfile), or wants one and got none',
  ],
  [/wrong version number|packet length too long/, 'it does not speak TLS; name it by http://'],
  [/no leader|learner/, 'it has no leader: a majority of its members must run and reach each other'],
]

/** Says of a cluster that does not answer which, why, and what to do; any other error as it is. */
export function explained(error: unknown, { servers }: EtcdEndpoints): unknown {
  if (!(error instanceof StoreFailure) || error.reason !== 'Unavailable') return error
  const where = servers.join(', ')
  const cause = CAUSES.find(([sign]) => sign.test(error.message))?.[1]
  const sentence =
    cause === undefined
      ? `no member of etcd answers at ${where}: ${error.message}; check that etcd runs, its URLs and the network between`
      : `etcd at ${where} can't be used: ${cause} (${error.message})`
  return new StoreFailure('Unavailable', sentence, { cause: error })
}
