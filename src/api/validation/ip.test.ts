import assert from 'node:assert/strict'
import test from 'node:test'
import { made } from '#testing'
import { type Ingress, ingresses, type NetworkPolicy, networkPolicies } from '../index.ts'
import { type Findings, foundBy } from './findings.ts'
import { addressWarnings, areOneOfEachFamily, cidr, ipAddress, rangeWarnings } from './ip.ts'

const shown = (findings: Findings): string[] => findings.map(({ field, message }) => `${field}: ${message}`)

const warned = (say: (text: string, field: string, warnings: string[]) => void, text: string): string[] => {
  const warnings: string[] = []
  say(text, 'f', warnings)
  return warnings
}

test('an address has no leading zeros, no zone, and is what it looks like', () => {
  const NO_ADDRESS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
  for (const [text, problem] of [
    ['10.0.0.1', undefined],
    ['2001:db8:0:0::1', undefined],
    ['010.0.0.1', 'must not have leading 0s'],
    ['::00001', 'must not have leading 0s'],
    ['::ffff:1.2.3.4', 'must not be an IPv4-mapped IPv6 address'],
    ['fe80::1%eth0', NO_ADDRESS],
    ['10.0.0.256', NO_ADDRESS],
    ['', NO_ADDRESS],
  ] as const) {
    const expected = problem === undefined ? [] : [`f: Invalid value: "${text}": ${problem}`]
    assert.deepEqual(shown(foundBy((found) => ipAddress(text, 'f', found))), expected)
    assert.deepEqual(
      foundBy((found) => ipAddress(text, 'f', found, [text])),
      [],
    )
  }
})

test('a range begins with its first address', () => {
  for (const [text, problem] of [
    ['10.0.0.0/8', undefined],
    ['2001:DB8::/32', undefined],
    ['10.0.0.1/8', 'must not have bits set beyond the prefix length'],
    ['10.0.0.0/008', 'must not have leading 0s in IP or prefix length'],
    ['::ffff:10.0.0.0/104', 'must not have an IPv4-mapped IPv6 address'],
    ['10.0.0.0/33', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ['10.0.0.0', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ] as const) {
    const expected = problem === undefined ? [] : [`f: Invalid value: "${text}": ${problem}`]
    assert.deepEqual(shown(foundBy((found) => cidr(text, 'f', found))), expected)
  }
})

test('a spelling that was let in is warned of with a better one', () => {
  assert.deepEqual(warned(addressWarnings, '010.0.0.1'), ['f: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'])
  assert.deepEqual(warned(addressWarnings, '2001:DB8::1'), [
    'f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ])
  assert.deepEqual(warned(rangeWarnings, '010.0.0.1/08'), [
    'f: CIDR value "010.0.0.1/08" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    'f: non-standard CIDR value "010.0.0.1/08" is invalid: use "10.0.0.0/8"',
  ])
})

test('addresses are of one family each, however they are spelled', () => {
  assert.deepEqual(
    [
      ['10.0.0.1', '::1'],
      ['10.0.0.1', '::ffff:1.2.3.4'],
      ['010.0.0.1', '::1'],
      ['10.0.0.1', 'x'],
    ].map(areOneOfEachFamily),
    [true, false, true, false],
  )
})

test('a policy and an Ingress keep what they have', () => {
  const policy = made<NetworkPolicy>(networkPolicies, {
    spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1/8', except: ['10.1.0.1/16'] } }] }] },
  })
  const findings = (old?: NetworkPolicy): string[] =>
    shown(foundBy((found) => networkPolicies.validate(policy, found, { nowMs: 0, ...(old && { old }) })))
  assert.deepEqual(findings(), [
    'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.1.0.1/16": must not have bits set beyond the prefix length',
  ])
  assert.deepEqual(findings(policy), [])
  const outside = structuredClone(policy)
  outside.spec!.ingress![0]!.from![0]!.ipBlock!.except = ['010.1.0.0/16', '11.0.0.1/16']
  const kept = foundBy((found) => networkPolicies.validate(outside, found, { nowMs: 0, old: outside }))
  assert.deepEqual(shown(kept), [
    'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "11.0.0.1/16": must be a strict subset of `cidr`',
  ])
  const ingress = { status: { loadBalancer: { ingress: [{ ip: '010.0.0.1' }] } } } as Ingress
  const ofStatus = (old: Ingress): Findings =>
    foundBy((found) => ingresses.validateStatusUpdate(ingress, old, found, { nowMs: 0 }))
  assert.deepEqual([ofStatus({}).length, ofStatus(ingress).length], [1, 0])
})
