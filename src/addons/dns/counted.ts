import type { Clock } from '#base'
import type { DnsMetrics } from './observe.ts'
import type { Answerer } from './server.ts'
import { readMessage } from './wire.ts'

const TYPES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  255: 'ANY',
}
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

/** The same answers, counted. */
export function counted(inner: Answerer, metrics: DnsMetrics, clock: Clock): Answerer {
  return {
    async resolve(bytes, protocol) {
      const startedMs = clock.monotonic()
      metrics.request(protocol, typeOf(bytes))
      const answer = await inner.resolve(bytes, protocol)
      if (answer !== undefined) {
        const rcode = answer.readUInt8(3) & 0xf
        metrics.response(RCODES[rcode] ?? String(rcode), (clock.monotonic() - startedMs) / 1000)
      }
      return answer
    },
  }
}

function typeOf(bytes: Buffer): string {
  try {
    return TYPES[bytes.readUInt16BE(readMessage(bytes).questionEnd - 4)] ?? 'other'
  } catch {
    // Not a question; the answer will say so.
    return 'other'
  }
}
