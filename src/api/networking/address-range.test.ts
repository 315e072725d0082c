import assert from 'node:assert/strict'
import test from 'node:test'
import { type AddressRange, addressAt, offsetOf, parseRange, subrangeAt } from './address-range.ts'

const range = (cidr: string): AddressRange => parseRange(cidr)!

test('a range begins where its prefix does, in canonical spelling, whatever it was written with', () => {
  assert.deepEqual(range('10.99.3.7/12'), {
    cidr: '10.96.0.0/12',
    family: 'IPv4',
    bits: 12,
    first: 0x0a600000n,
    size: 1n << 20n,
  })
  assert.deepEqual([range('FD00:10:96::7/112').cidr, range('FD00:10:96::7/112').size], ['fd00:10:96::/112', 65_536n])
  assert.deepEqual([range('::/0').cidr, range('0.0.0.0/0').size], ['::/0', 1n << 32n])
  assert.equal(range('::ffff:10.0.0.0/128').family, 'IPv6')
})

test('what is no range is none', () => {
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    'fd00::/129',
    'fd00::/',
    'fe80::1%eth0/64',
    '10.0.0.0/8/8',
    'x/8',
  ])
    assert.equal(parseRange(text), undefined, text)
})

test('addresses are counted from the first, in both directions', () => {
  for (const [cidr, offset, address] of [
    ['10.96.0.0/12', 1n, '10.96.0.1'],
    ['10.96.0.0/12', 65_536n, '10.97.0.0'],
    ['fd00:10:96::/112', 10n, 'fd00:10:96::a'],
    ['fd00::/64', (1n << 64n) - 1n, 'fd00::ffff:ffff:ffff:ffff'],
  ] as const) {
    assert.equal(addressAt(range(cidr), offset), address)
    assert.equal(offsetOf(range(cidr), address), offset)
  }
  assert.equal(offsetOf(range('fd00::/112'), 'FD00:0:0::000A'), 10n)
  for (const address of ['10.112.0.0', '10.95.255.255', 'fd00::1', 'None', ''])
    assert.equal(offsetOf(range('10.96.0.0/12'), address), undefined, address)
})

test('a range is cut into smaller ones', () => {
  assert.equal(subrangeAt(range('10.244.0.0/16'), 24, 1n), '10.244.1.0/24')
  assert.equal(subrangeAt(range('fd00:10:244::/56'), 64, 255n), 'fd00:10:244:ff::/64')
})
