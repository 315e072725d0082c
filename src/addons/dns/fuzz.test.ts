import assert from 'node:assert/strict'
import test from 'node:test'
import { encode } from 'dns-packet'
import fc from 'fast-check'
import { nullLog, seededRandom, VirtualClock } from '#base'
import { Forwarder } from './forwarder.ts'
import { addressOfDashed, addressOfReverseName, labelsBelow } from './names.ts'
import { Resolver } from './resolver.ts'
import { ServiceIndex } from './service-index.ts'
import { readMessage } from './wire.ts'
import { Zone } from './zone.ts'

const [clock, random] = [new VirtualClock(), seededRandom(1)]
const index = new ServiceIndex()
index.service({
  after: { metadata: { namespace: 'default', name: 'web' }, spec: { clusterIP: '10.96.0.20', ports: [{ port: 80 }] } },
})
const zone = new Zone({
  clusterDomain: 'cluster.local',
  index,
  namespaceExists: () => true,
  serverAddresses: ['10.96.0.10'],
  clock,
  random,
})
const resolver = new Resolver({ zone, forwarder: new Forwarder({ clock, random, log: nullLog, upstreams: [] }), random })
const question = encode({ type: 'query', id: 1, flags: 0x100, questions: [{ type: 'A', name: 'web.default.svc.cluster.local' }] })

test('no bytes bring the resolver down, and every answer is a message under the question’s id', async () => {
  const mutated = fc.array(fc.tuple(fc.nat(question.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
    const bytes = Buffer.from(question)
    for (const [at, value] of changes) bytes.writeUInt8(value, at)
    return bytes
  })
  const bytes = fc.oneof(
    mutated,
    fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array)),
  )
  await fc.assert(
    fc.asyncProperty(bytes, fc.constantFrom('udp' as const, 'tcp' as const), async (sent, protocol) => {
      const answer = await resolver.resolve(sent, protocol)
      if (answer === undefined) return
      assert.ok(answer.length >= 12 && (protocol === 'tcp' || answer.length <= 1_232))
      assert.equal(answer.readUInt16BE(0), sent.readUInt16BE(0))
      assert.equal(answer.readUInt8(2) & 0x80, 0x80)
      if (answer.readUInt16BE(4) === 1) readMessage(answer)
    }),
    { numRuns: 2_000, seed: 7 },
  )
})

test('no name brings the zone down', () => {
  const label = fc.oneof(
    fc.constantFrom('svc', 'pod', 'default', 'web', '_http', '_tcp', '', '__proto__', '10-0-0-1'),
    fc.string(),
  )
  const name = fc.array(label, { maxLength: 8 }).map((labels) => [...labels, 'cluster', 'local'].join('.').toLowerCase())
  fc.assert(
    fc.property(fc.oneof(name, fc.string()), fc.constantFrom('A', 'AAAA', 'SRV', 'PTR', 'TXT', 'NS'), (text, type) => {
      zone.answer(text, type)
      addressOfReverseName(text)
      addressOfReverseName(`${text}.in-addr.arpa`)
      addressOfReverseName(`${text}.ip6.arpa`)
      addressOfDashed(text)
      labelsBelow(text, 'cluster.local')
    }),
    { numRuns: 2_000, seed: 7 },
  )
})
