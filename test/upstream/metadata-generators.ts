import fc from 'fast-check'

const piece = fc.constantFrom(
  ...[
    'a',
    'b7',
    'A',
    '-',
    '.',
    '/',
    '_',
    '',
    ' ',
    '\n',
    '0',
    '%',
    'é',
    '😀',
    '<&>',
    '"',
    '\\',
    '\u007f',
    '\u2028',
    '\ufeff',
    '\u00a0',
  ],
  'x'.repeat(62),
  'y.'.repeat(90),
)
/** Of blocks that Unicode has filled long ago: Go and Node know different versions of it. */
const character = fc
  .oneof(...[[0, 0x6ff], [0x2000, 0x206f], [0xfe00, 0xffff], [0x1_f600, 0x1_f64f]].map(([min, max]) => fc.integer({ min: min!, max: max! })))
  .map((code) => String.fromCodePoint(code)) // biome-ignore format: short
/** Short and hostile. */
export const text = fc
  .array(fc.oneof({ weight: 3, arbitrary: piece }, { weight: 1, arbitrary: character }), { maxLength: 4 })
  .map((pieces) => pieces.join(''))
const name = fc.oneof({ weight: 2, arbitrary: fc.constantFrom('a', 'web-1', 'a.b', 'X', 'web-') }, { weight: 1, arbitrary: text })
const map = fc.dictionary(fc.oneof(fc.constantFrom('a', 'B.c/d', 'x.io/y'), text), fc.oneof(text, fc.constantFrom('1', 'v'.repeat(64))), {
  maxKeys: 1,
}) // biome-ignore format: short
const long = fc.constantFrom('v'.repeat(262_143), 'é'.repeat(131_072), 'w'.repeat(262_144)).map((value) => ({ a: value }))
const owner = fc
  .record(
    {
      apiVersion: fc.constantFrom('v1', 'apps/v1', 'apps/', '', '/', '/v1', 'a/b/c', 'a<b'),
      kind: fc.constantFrom('Event', 'Pod', '', 'K'),
      name: fc.oneof(fc.constantFrom('n', ''), text),
      uid: fc.constantFrom('u', '', '<'),
      controller: fc.boolean(),
      blockOwnerDeletion: fc.boolean(),
    },
    { requiredKeys: ['apiVersion', 'kind', 'name', 'uid'] },
  )
  .map((each) => (each.controller === undefined ? Object.fromEntries(Object.entries(each).reverse()) : each))
const finalizer = fc.oneof(fc.constantFrom('orphan', 'foregroundDeletion', 'kubernetes', 'x.io/y', 'mine'), text)
const manager = fc.record(
  {
    manager: fc.oneof(fc.constantFrom('kubectl', 'm'.repeat(129), 'é'.repeat(65)), text),
    operation: fc.constantFrom('Apply', 'Update', '', 'apply', '<'),
    apiVersion: fc.constantFrom('v1', ''),
    time: fc.constant('2024-01-02T03:04:05Z'),
    fieldsType: fc.constantFrom('FieldsV1', '', 'FieldsV2', '"'),
    fieldsV1: fc.constant({ 'f:spec': {} }),
    subresource: fc.constantFrom('', 'status', 's'.repeat(257), 'é'.repeat(128)),
  },
  { requiredKeys: [] },
)
const time = fc.constantFrom('2024-01-02T03:04:05Z', '2025-01-02T03:04:05Z')
/** Metadata of which much is wrong; of each map there is one key. */
export const metadata = fc.record(
  {
    name,
    generateName: name,
    labels: map,
    annotations: fc.oneof({ weight: 20, arbitrary: map }, { weight: 1, arbitrary: long }),
    ownerReferences: fc.array(owner, { maxLength: 3 }),
    finalizers: fc.array(finalizer, { maxLength: 4 }),
    managedFields: fc.array(manager, { maxLength: 2 }),
    uid: fc.constantFrom('u', 'w<', ''),
    creationTimestamp: time,
    deletionTimestamp: time,
    deletionGracePeriodSeconds: fc.constantFrom(0, 1, -1, 30),
  },
  { requiredKeys: [] },
)
