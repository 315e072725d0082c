import { type ClientHttp2Session, connect } from 'node:http2'

/** Streams that etcd takes on one connection without delay. */
const STREAMS_PER_CONNECTION = 128
const PREFIX_BYTES = 5

/** The least that a client in Node can do to write to etcd: one message, made by hand, on a connection that stays open. */
export class EtcdWriter implements Disposable {
  readonly #sessions: readonly ClientHttp2Session[]
  #next = 0

  constructor(server: string, writers: number) {
    this.#sessions = Array.from({ length: Math.ceil(writers / STREAMS_PER_CONNECTION) }, () => connect(server))
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const session = this.#sessions[this.#next++ % this.#sessions.length]!
    const stream = session.request({
      ':method': 'POST',
      ':path': '/etcdserverpb.KV/Put',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.end(putMessage(Buffer.from(key), value))
    stream.resume()
    const status = await new Promise<string>((resolve, reject) => {
      stream.once('error', reject)
      stream.once('trailers', (trailers) => resolve(String(trailers['grpc-status'])))
      stream.once('response', (head) => {
        if (head['grpc-status'] !== undefined) resolve(String(head['grpc-status']))
      })
    })
    if (status !== '0') throw new Error(`etcd refused a put with status ${status}`)
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions) session.destroy()
  }
}

/** gRPC's prefix, then `PutRequest { key = 1, value = 2 }`. */
function putMessage(key: Buffer, value: Uint8Array): Buffer {
  const body = [field(1, key.length), key, field(2, value.length), value]
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(
    body.reduce((sum, { length }) => sum + length, 0),
    1,
  )
  return Buffer.concat([prefix, ...body])
}

function field(number: number, length: number): Buffer {
  const bytes = [(number << 3) | 2]
  let rest = length
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}
