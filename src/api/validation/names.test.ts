import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  configKey,
  dns1035Label,
  dnsLabel,
  environmentName,
  labelValue,
  type NameRule,
  portName,
  qualifiedName,
  subdomainName,
} from './names.ts'

const rules: Readonly<Record<string, NameRule>> = {
  configKey,
  dns1035Label,
  dnsLabel,
  environmentName,
  labelValue,
  portName,
  qualifiedName,
  subdomainName,
}

/** Short pieces, so that names are often right, and often almost. */
const piece = fc.constantFrom(
  'a',
  'b7',
  'A',
  '-',
  '.',
  '/',
  '_',
  '=',
  '',
  ' ',
  '\n',
  '0',
  '*',
  'ü',
  'x'.repeat(62),
  'y.'.repeat(90),
)
const name = fc
  .array(piece, { maxLength: 5 })
  .map((pieces) => pieces.join(''))
  .filter((text) => !text.endsWith('-'))

for (const [title, rule] of Object.entries(rules)) {
  test(`${title}: what is found right at once is what nothing is said of when it is looked through`, () => {
    fc.assert(
      // The quick look is for whole names, and a prefix that does not end with a dash is held to the same.
      fc.property(name, (text) => assert.deepEqual([...rule(text)], [...rule(text, true)])),
      { numRuns: 1_000 },
    )
  })
}

test("what is wrong with a name is told in upstream's words", () => {
  const cases: readonly (readonly [NameRule, name: string, prefix: boolean, problems: readonly string[]])[] = [
    [dnsLabel, 'a.b', false, ['must not contain dots']],
    [dnsLabel, 'a'.repeat(64), false, ['must be no more than 63 characters']],
    [labelValue, 'a'.repeat(64), false, ['must be no more than 63 bytes']],
    [qualifiedName, `a/${'b'.repeat(64)}`, false, ['name part must be no more than 63 bytes']],
    [qualifiedName, `${'b'.repeat(254)}/a`, false, ['prefix part must be no more than 253 bytes']],
    [environmentName, '', false, ['environment variable name must be non-empty']],
    // Of a prefix the last character but one is never seen.
    [subdomainName, 'a_-', true, []],
    [dnsLabel, `${'a'.repeat(63)}-`, true, []],
    [dns1035Label, '1-', true, []],
  ]
  for (const [rule, name, prefix, problems] of cases) assert.deepEqual([...rule(name, prefix)], problems, name)
  assert.equal([...subdomainName('é-', true)].length, 1)
  assert.equal([...labelValue('é'.repeat(32))][0], 'must be no more than 63 bytes')
})
