import assert from 'node:assert/strict'
import test from 'node:test'
import { addressIn, checkAdvertised, nodeRangesOf, rangesOf, serviceRangesOf } from './cidr.ts'

test('addresses count from the network address, whatever host bits the range was written with', () => {
  assert.equal(addressIn('10.96.0.0/12', 1), '10.96.0.1')
  assert.equal(addressIn('10.99.3.7/12', 10), '10.96.0.10')
  assert.equal(addressIn('192.168.255.0/24', 255), '192.168.255.255')
  assert.equal(addressIn('10.0.255.0/16', 256), '10.0.1.0')
  assert.equal(addressIn('fd00:10:96::/112,10.96.0.0/12', 10), 'fd00:10:96::a', 'of the first of two')
})

test('a range, or one of each family, in canonical spelling', () => {
  assert.deepEqual(rangesOf('10.99.0.0/12', '--x'), ['10.96.0.0/12'])
  assert.deepEqual(rangesOf('FD00::1/64, 10.0.0.0/8', '--x'), ['fd00::/64', '10.0.0.0/8'])
})

const FLAG = '--service-cluster-ip-range'
const refused: readonly (readonly [text: string, sentence: string])[] = [
  ['10.0.0.0', `${FLAG} takes a range such as 10.0.0.0/16, or one of each family by a comma, not '10.0.0.0'`],
  ['10.0.0.0/24,fd00::/112,10.1.0.0/24', `${FLAG} must not contain more than two entries`],
  ['10.0.0.0/24,10.1.0.0/24', `${FLAG}[0] and ${FLAG}[1] must be of different IP family`],
  ['fd00::/63', `specified ${FLAG} is too large; for 128-bit addresses, the mask must be >= 64`],
  ['10.0.0.0/8,fd00::/48', `specified ${FLAG}[1] is too large; for 128-bit addresses, the mask must be >= 64`],
]

for (const [text, message] of refused) {
  test(`ranges of Services that can not be: ${text}`, () => assert.throws(() => serviceRangesOf(text, FLAG), { message }))
}

test('an API server advertises itself in the default family of Services', () => {
  checkAdvertised('192.0.2.1', ['10.96.0.0/12', 'fd00::/112'])
  assert.throws(() => checkAdvertised('192.0.2.1', ['fd00::/112', '10.96.0.0/12']), {
    message: 'service IP family "fd00::/112" must match public address family "192.0.2.1"',
  })
})

test('how large the ranges of nodes are', () => {
  const sizes = (text: string, asked: Parameters<typeof nodeRangesOf>[1]) => nodeRangesOf(text, asked).nodeMaskSizes
  assert.deepEqual(sizes('10.0.0.0/16,fd00::/56', {}), { IPv4: 24, IPv6: 64 })
  assert.deepEqual(sizes('fd00::/56,10.0.0.0/16', { IPv4: 26, IPv6: 72 }), { IPv4: 26, IPv6: 72 })
  assert.deepEqual(sizes('fd00::/108', { both: 120 }).IPv6, 120)
  assert.deepEqual(sizes('', {}), { IPv4: 24, IPv6: 64 })
  const refuses = (text: string, asked: Parameters<typeof nodeRangesOf>[1], sentence: RegExp): void =>
    assert.throws(() => nodeRangesOf(text, asked), sentence)
  refuses(
    '10.0.0.0/16,fd00::/56',
    { both: 24 },
    /^Error: usage of --node-cidr-mask-size is not allowed with dual-stack clusters$/,
  )
  refuses('10.0.0.0/16', { both: 24, IPv4: 24 }, /is not allowed if --node-cidr-mask-size is set/)
  refuses('fd00::/56', { IPv4: 24 }, /mask-size-ipv4 is not allowed for a single-stack IPv6 cluster/)
  refuses('10.0.0.0/16', { IPv6: 64 }, /mask-size-ipv6 is not allowed for a single-stack IPv4 cluster/)
  refuses('fd00::/40', {}, /the node CIDR size is too big/)
  refuses('10.0.0.0/25', {}, /holds no ranges for nodes with a mask of 24 bits/)
})
