import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Clock, Random } from '#base'
import type { Upstream } from './resolv-conf.ts'
import { type Message, readMessage } from './wire.ts'

export interface ExchangeOptions {
  readonly clock: Clock
  readonly random: Random
  readonly timeoutMs: number
}

/**
 * Asks one name server one question, by UDP, and again by TCP when the answer did not fit. Each question goes out under a
 * random id from a random port, and only an answer to this question under this id, from this server, counts.
 */
export async function exchange(query: Message, upstream: Upstream, options: ExchangeOptions): Promise<Message> {
  const sent = Buffer.from(query.bytes)
  Buffer.from(options.random.bytes(2)).copy(sent)
  const answer = await overUdp(sent, query, upstream, options)
  return answer.truncated ? overTcp(sent, query, upstream, options) : answer
}

function overUdp(
  sent: Buffer,
  query: Message,
  { host, port }: Upstream,
  { clock, timeoutMs }: ExchangeOptions,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const finish = (error: Error | undefined, answer?: Message): void => {
      timer[Symbol.dispose]()
      socket.removeAllListeners()
      socket.on('error', () => {})
      socket.close()
      if (answer === undefined) reject(error)
      else resolve(answer)
    }
    const timer = clock.after(timeoutMs, () => finish(new Error(`${host}:${port} did not answer in time`)))
    socket.on('error', finish)
    socket.on('message', (bytes) => {
      const answer = acceptable(bytes, sent, query)
      if (answer !== undefined) finish(undefined, answer)
    })
    // A connected socket hears from this server only.
    socket.connect(port, host, () => socket.send(sent))
  })
}

function overTcp(
  sent: Buffer,
  query: Message,
  { host, port }: Upstream,
  { clock, timeoutMs }: ExchangeOptions,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    let received = Buffer.alloc(0)
    const finish = (error: Error | undefined, answer?: Message): void => {
      timer[Symbol.dispose]()
      socket.destroy()
      if (answer === undefined) reject(error)
      else resolve(answer)
    }
    const timer = clock.after(timeoutMs, () => finish(new Error(`${host}:${port} did not answer in time`)))
    socket.on('error', finish)
    socket.on('close', () => finish(new Error(`${host}:${port} closed the connection`)))
    socket.on('connect', () => socket.write(Buffer.concat([lengthOf(sent), sent])))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      const answer = acceptable(received.subarray(2, 2 + received.readUInt16BE(0)), sent, query)
      finish(new Error(`${host}:${port} answered something else`), answer)
    })
  })
}

/** The two bytes that precede a message on a stream. */
export function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return length
}

function acceptable(bytes: Buffer, sent: Buffer, query: Message): Message | undefined {
  try {
    const answer = readMessage(bytes)
    const isAnswer = (bytes.readUInt8(2) & 0x80) !== 0
    return isAnswer && bytes.readUInt16BE(0) === sent.readUInt16BE(0) && answer.questionKey === query.questionKey
      ? answer
      : undefined
  } catch {
    // Not a message: forged or broken, and either way not the answer.
    return undefined
  }
}
