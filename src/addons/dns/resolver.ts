import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  type DecodedPacket,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet'
import type { Random } from '#base'
import type { Forwarder } from './forwarder.ts'
import { normalName } from './names.ts'
import type { Answerer } from './server.ts'
import { HEADER_BYTES, type Message, readMessage, truncated } from './wire.ts'
import type { Zone, ZoneAnswer } from './zone.ts'

/** What this server takes by UDP: fits an Ethernet frame with any tunnel on the way. */
const UDP_BYTES_MAX = 1_232
const UDP_BYTES_PLAIN = 512
/** Names followed within one answer. */
const ALIASES_MAX = 8

const NOERROR = 0
const FORMERR = 1
const SERVFAIL = 2
const NXDOMAIN = 3
const NOTIMP = 4
const REFUSED = 5
const BADVERS = 16

/** Answers from the cluster's zone, and from elsewhere what is not the cluster's. */
export class Resolver implements Answerer {
  readonly #zone: Zone
  readonly #forwarder: Forwarder
  readonly #random: Random

  constructor(options: { readonly zone: Zone; readonly forwarder: Forwarder; readonly random: Random }) {
    this.#zone = options.zone
    this.#forwarder = options.forwarder
    this.#random = options.random
  }

  async resolve(bytes: Buffer, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    try {
      return await this.#resolve(bytes, protocol)
    } catch {
      // Data that makes no valid message, such as a hostname with an overlong label, spoils this answer only.
      return refusal(bytes, SERVFAIL)
    }
  }

  async #resolve(bytes: Buffer, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    // Answers are not answered, or two servers would talk for ever.
    if (bytes.length < HEADER_BYTES || (bytes.readUInt8(2) & 0x80) !== 0) return undefined
    if (((bytes.readUInt8(2) >> 3) & 0xf) !== 0) return refusal(bytes, NOTIMP)
    let query: Message
    let packet: DecodedPacket
    try {
      query = readMessage(bytes)
      packet = decode(bytes)
    } catch {
      return refusal(bytes, FORMERR)
    }
    const edns = optOf(packet)
    const limit = protocol === 'tcp' ? 65_535 : Math.min(Math.max(edns?.udpPayloadSize ?? 0, UDP_BYTES_PLAIN), UDP_BYTES_MAX)
    if (edns !== undefined && edns.ednsVersion !== 0) return pack(packet, BADVERS, [], [], [], limit)
    const question = packet.questions![0]!
    if (question.class !== 'IN') return pack(packet, REFUSED, [], [], [], limit)
    const type = String(question.type)
    if (type === 'AXFR' || type === 'IXFR') return pack(packet, REFUSED, [], [], [], limit)
    const name = normalName(question.name)
    if (this.#forwarder.isLoop(name)) return pack(packet, REFUSED, [], [], [], limit)
    const local = this.#zone.answer(name, type)
    if (local.kind !== 'elsewhere') return this.#local(packet, local, type, limit)
    return this.#forward(query, packet, limit)
  }

  async #forward(query: Message, packet: DecodedPacket, limit: number): Promise<Buffer> {
    const answer = await this.#forwarder.resolve(query)
    if (answer === undefined) return pack(packet, SERVFAIL, [], [], [], limit)
    return answer.length <= limit ? answer : truncated(answer, query.questionEnd)
  }

  async #local(
    packet: DecodedPacket,
    local: Exclude<ZoneAnswer, { kind: 'elsewhere' }>,
    type: string,
    limit: number,
  ): Promise<Buffer> {
    switch (local.kind) {
      case 'no-name':
        return pack(packet, NXDOMAIN, [], [this.#zone.startOfAuthority()], [], limit)
      case 'no-data':
        return pack(packet, NOERROR, [], [this.#zone.startOfAuthority()], [], limit)
      case 'answer': {
        const followed = local.continueAt === undefined ? [] : await this.#follow(local.continueAt, type)
        // The asker's own spelling of the name comes back, as some of them check it.
        const asked = packet.questions![0]!.name
        const answers = this.#shuffled(local.answers).map((record) =>
          normalName(record.name) === normalName(asked) ? { ...record, name: asked } : record,
        )
        return pack(packet, NOERROR, [...answers, ...followed], [], local.additionals, limit)
      }
    }
  }

  /** Records at the end of an alias, which may lead to the cluster or anywhere; none when it leads nowhere. */
  async #follow(target: string, type: string): Promise<Answer[]> {
    const records: Answer[] = []
    let name = normalName(target)
    for (let left = ALIASES_MAX; left > 0; left--) {
      const local = this.#zone.answer(name, type)
      if (local.kind === 'elsewhere') return [...records, ...(await this.#lookUp(name, type))]
      if (local.kind !== 'answer') return records
      records.push(...local.answers)
      if (local.continueAt === undefined) return records
      name = normalName(local.continueAt)
    }
    return records
  }

  async #lookUp(name: string, type: string): Promise<Answer[]> {
    const question: Packet = {
      type: 'query',
      id: this.#random.int(65_536),
      flags: RECURSION_DESIRED,
      questions: [{ name, type: type as 'A' }],
    }
    try {
      const answer = await this.#forwarder.resolve(readMessage(encode(question)))
      return answer === undefined ? [] : (decode(answer).answers ?? [])
    } catch {
      // A name that does not fit into a message resolves to nothing.
      return []
    }
  }

  #shuffled(answers: readonly Answer[]): Answer[] {
    const list = [...answers]
    for (let at = list.length - 1; at > 0; at--) {
      const other = this.#random.int(at + 1)
      ;[list[at], list[other]] = [list[other]!, list[at]!]
    }
    return list
  }
}

type Opt = Extract<Answer, { type: 'OPT' }>

function optOf(packet: Packet): Opt | undefined {
  return packet.additionals?.find((record): record is Opt => record.type === 'OPT')
}

/** Encodes an answer; drops what is merely helpful, then records, until it fits. */
function pack(
  query: DecodedPacket,
  rcode: number,
  answers: readonly Answer[],
  authorities: readonly Answer[],
  additionals: readonly Answer[],
  limit: number,
): Buffer {
  const edns = optOf(query)
  const opt: Answer[] =
    edns === undefined
      ? []
      : [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_BYTES_MAX,
            extendedRcode: rcode >> 4,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
  const authoritative = rcode === NOERROR || rcode === NXDOMAIN ? AUTHORITATIVE_ANSWER : 0
  const recursion = RECURSION_AVAILABLE | (query.flag_rd ? RECURSION_DESIRED : 0)
  const write = (kept: readonly Answer[], extra: readonly Answer[], truncation: number): Buffer =>
    encode({
      type: 'response',
      id: query.id ?? 0,
      flags: authoritative | recursion | truncation | (rcode & 0xf),
      questions: query.questions ?? [],
      answers: [...kept],
      authorities: [...authorities],
      additionals: [...extra, ...opt],
    })
  const whole = write(answers, additionals, 0)
  if (whole.length <= limit) return whole
  const kept = [...answers]
  let bytes = write(kept, [], 0)
  while (bytes.length > limit && kept.length > 0) {
    // Halving is enough: whoever sees the bit asks again by TCP.
    kept.length = Math.floor(kept.length / 2)
    bytes = write(kept, [], TRUNCATED_RESPONSE)
  }
  return bytes
}

/** A bare header, for questions that cannot be read. */
function refusal(bytes: Buffer, rcode: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  bytes.copy(header, 0, 0, 2)
  header.writeUInt8(0x80 | (bytes.readUInt8(2) & 0x79), 2)
  header.writeUInt8(rcode, 3)
  return header
}
