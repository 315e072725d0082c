import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { domainPrefixedPath, fullyQualifiedDomain, labelSelector } from '../../src/api/validation/common.ts'
import { validateConditions } from '../../src/api/validation/conditions.ts'
import { type Findings, foundBy } from '../../src/api/validation/findings.ts'
import * as names from '../../src/api/validation/names.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_RUNS ?? 10_000)
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
  'é',
  '%',
  '--',
  '..',
  ':',
  '~',
  '\u007f',
  'x'.repeat(62),
  'y.'.repeat(90),
)
const name = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''))
const said = (found: Findings): string[] => found.map(({ field, message, reason }) => `${reason} ${field}: ${message}`)

const { dnsLabel, dns1035Label, subdomainName, qualifiedName, labelValue, portName } = names
const { environmentName, configKey, cIdentifier, wildcardName, underscoredSubdomainName } = names
const whole = {
  qualifiedName,
  labelValue,
  portName,
  environmentName,
  configKey,
  cIdentifier,
  wildcardName,
  underscoredSubdomainName,
}
const prefixed = { dnsLabel, dns1035Label, subdomainName }

for (const [kind, rule] of Object.entries({ ...prefixed, ...whole })) {
  test(`${kind}: what is wrong with a name is told as by upstream`, async () => {
    await using peer = new Peer('names')
    await fc.assert(
      fc.asyncProperty(name, fc.boolean(), async (text, flag) => {
        const prefix = flag && kind in prefixed
        assert.deepEqual([...rule(text, prefix)], await peer.ask({ kind, text, prefix }))
      }),
      { numRuns: RUNS },
    )
  })
}

for (const [kind, validate] of Object.entries({ fullyQualifiedDomain, domainPrefixedPath })) {
  test(`${kind}: what is wrong is told as by upstream`, async () => {
    await using peer = new Peer('names')
    await fc.assert(
      fc.asyncProperty(name, async (text) => {
        assert.deepEqual(said(foundBy((found) => validate(text, 'at', found))), await peer.ask({ kind, text }))
      }),
      { numRuns: RUNS },
    )
  })
}

const word = fc.oneof(fc.constantFrom('a', 'B.c', 'x.io/y', ''), name)
const selector = fc.record(
  {
    // Upstream walks through a map: of one label alone the order is known.
    matchLabels: fc.dictionary(word, word, { maxKeys: 1 }),
    matchExpressions: fc.array(
      fc.record({ key: word, operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', ''), values: fc.array(word, { maxLength: 2 }) }, { requiredKeys: ['key', 'operator'] }),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
) // biome-ignore format: a tree

test('what is wrong with a selector in an object is told as by upstream', async () => {
  await using peer = new Peer('names')
  await fc.assert(
    fc.asyncProperty(selector, async (object) => {
      const sent = JSON.parse(JSON.stringify(object)) as typeof object
      assert.deepEqual(
        said(foundBy((found) => labelSelector(sent, 'at', found))),
        await peer.ask({ kind: 'selector', selector: sent }),
      )
    }),
    { numRuns: RUNS },
  )
})

const condition = fc.record({
  type: word,
  status: fc.constantFrom('True', 'False', 'Unknown', '', 'x'),
  observedGeneration: fc.constantFrom(0, 1, -1),
  lastTransitionTime: fc.constantFrom('2024-01-02T03:04:05Z', null),
  reason: fc.constantFrom('A', 'a_b,c:D', '', '1', 'A,', 'é', 'r'.repeat(1025)),
  message: fc.constantFrom('', 'é'.repeat(20_000), 'm'),
})

test('what is wrong with conditions is told as by upstream', async () => {
  await using peer = new Peer('names')
  await fc.assert(
    fc.asyncProperty(fc.array(condition, { maxLength: 2 }), async (conditions) => {
      const found = foundBy((each) => validateConditions(conditions as never, 'at', each))
      assert.deepEqual(said(found), await peer.ask({ kind: 'conditions', conditions }))
    }),
    { numRuns: Math.min(RUNS, 500) },
  )
})
