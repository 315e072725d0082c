import { setTimeout as sleep } from 'node:timers/promises'
import { etcdCodec } from '../../src/store/etcd/messages.ts'
import { EtcdCluster } from '../../test/node/etcd-cluster.ts'
import type { TlsFiles } from './lab.ts'
import { Connection, type Identity, type Request } from './load.ts'
import type { Target } from './process.ts'

const PREFIX = '/registry/pods/default/'
const PREFIX_END = '/registry/pods/default0'
const LOOK_AGAIN_MS = 50
const LOOKS_MAX = 200

/** Debian's etcd with one member, over TLS, asked by messages of its own protocol. */
export class Etcd implements Target, AsyncDisposable {
  readonly name = 'etcd'
  readonly pid: number
  readonly port: number
  readonly #cluster: EtcdCluster

  private constructor(cluster: EtcdCluster) {
    this.#cluster = cluster
    this.pid = cluster.pids[0]!
    this.port = Number(new URL(cluster.servers[0]!).port)
  }

  static async start(tls: TlsFiles, identity: Identity): Promise<Etcd> {
    const etcd = new Etcd(await EtcdCluster.start(1, { tls, more: ['--quota-backend-bytes', String(8 * 1024 ** 3)] }))
    for (let look = 0; ; look++) {
      using connection = new Connection(etcd.port, identity)
      try {
        await connection.count(etcd.put('ready', Buffer.alloc(1)))
        return etcd
      } catch (error) {
        // Nobody is told when it begins to listen.
        if (look === LOOKS_MAX) throw error
        await sleep(LOOK_AGAIN_MS)
      }
    }
  }

  put(name: string, value: Buffer): Request {
    return call('KV/Put', 'PutRequest', { key: PREFIX + name, value })
  }

  range(name: string): Request {
    return call('KV/Range', 'RangeRequest', { key: PREFIX + name })
  }

  rangeOfAll(): Request {
    return call('KV/Range', 'RangeRequest', { key: PREFIX, rangeEnd: PREFIX_END })
  }

  watch(name: string): Request {
    return call('Watch/Watch', 'WatchRequest', { create: { key: PREFIX + name } })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster[Symbol.asyncDispose]()
  }
}

const GRPC_PREFIX_BYTES = 5

function call(method: string, message: string, value: object): Request {
  const body = etcdCodec.encode(message, value)
  const prefix = Buffer.alloc(GRPC_PREFIX_BYTES)
  prefix.writeUInt32BE(body.length, 1)
  return {
    method: 'POST',
    path: `/etcdserverpb.${method}`,
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    body: Buffer.concat([prefix, body]),
  }
}
