import fc from 'fast-check'

type Json = Record<string, unknown>
export type Fields = Readonly<Record<string, readonly [weight: number, values: fc.Arbitrary<unknown>]>>

/** An object that has each field as often, of a hundred times, as its weight says. */
export const some = (fields: Fields): fc.Arbitrary<Json> =>
  fc
    .record(
      Object.fromEntries(
        Object.entries(fields).map(([name, [weight, values]]) => [
          name,
          fc.oneof({ weight: 100 - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary: values }),
        ]),
      ),
    )
    .map((found) => Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)))

const TEXTS = [
  ...[
    '',
    'a text',
    'one\ntwo',
    "it's: 'so'",
    '"quoted"',
    '# no comment',
    'a #b',
    'a: b',
    '- a',
    '-a',
    '? a',
    '!has(self.x)',
    '&',
    '*a',
  ],
  ...[
    'true',
    'Yes',
    'null',
    '~',
    '1',
    '1.0',
    '0x1F',
    '017',
    '1_000',
    '2020-01-01',
    '1e3',
    '.5',
    '.inf',
    '+1',
    '<<',
    '---',
    '...a',
    '`',
  ],
  ...[
    'é',
    '😀',
    ' lead',
    'trail ',
    '\ttab',
    'a\tb',
    'a\n\nb\n',
    '\na',
    ' a\nb',
    'a \nb',
    'a\nb\n\n',
    '<&>',
    '{a}',
    '[a',
    'a,b',
    '%',
    '@a',
  ],
  ...[
    '\\d+',
    'a\rb',
    'x'.repeat(200),
    'self.a <= self.b',
    "self.a == 'x' ? 1 : 2",
    '\u00a0',
    '\u00ad',
    '\ue000',
    '12:30:45',
    '0o7',
    '-0b1',
  ],
]
export const texts = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ maxLength: 8 }))

const NAMES = ['a', 'b', 'c', 'kind', 'name', 'x-y', 'spec', 'metadata']
const names = fc.constantFrom(...NAMES)
const described: Fields = {
  description: [30, texts],
  title: [5, texts],
  nullable: [15, fc.boolean()],
  externalDocs: [3, some({ description: [90, texts], url: [100, fc.constantFrom('https://a.b/c')] })],
  example: [4, fc.jsonValue({ maxDepth: 2 })],
}
const rules = fc.array(
  some({
    rule: [100, texts],
    message: [60, texts],
    messageExpression: [10, texts],
    reason: [20, fc.constantFrom('FieldValueInvalid', 'FieldValueForbidden')],
    fieldPath: [20, fc.constantFrom('.a', '.b')],
    optionalOldSelf: [20, fc.boolean()],
  }),
  { minLength: 1, maxLength: 2 },
)
const ruled: Fields = { 'x-kubernetes-validations': [8, rules] }

const ofText: Fields = {
  minLength: [15, fc.nat(9)],
  maxLength: [15, fc.nat(99)],
  pattern: [15, fc.constantFrom('^a$', '\\d+', '')],
  enum: [10, fc.array(texts, { maxLength: 3 })],
  format: [15, fc.constantFrom('date', 'byte', 'uuid', 'other', 'date-time')],
}
const ofNumber: Fields = {
  minimum: [15, fc.constantFrom(0, -1, 1.5, 9007199254740993n)],
  maximum: [15, fc.constantFrom(0, 10, 1e21, -0.1)],
  exclusiveMinimum: [10, fc.boolean()],
  exclusiveMaximum: [10, fc.boolean()],
  multipleOf: [10, fc.constantFrom(1, 0.1)],
  enum: [5, fc.array(fc.constantFrom(1, 2.5, -3), { maxLength: 3 })],
}
const ofList: Fields = { minItems: [10, fc.nat(3)], maxItems: [10, fc.nat(9)] }
const ofMap: Fields = { minProperties: [10, fc.nat(3)], maxProperties: [10, fc.nat(9)] }

const defaulted = (type: string, fields: Fields, values: fc.Arbitrary<unknown>): fc.Arbitrary<Json> =>
  some({ ...described, ...ruled, ...fields, default: [20, values] }).map((schema) => ({ type, ...schema }))

const text = defaulted('string', ofText, texts)
const whole = defaulted(
  'integer',
  { ...ofNumber, format: [20, fc.constantFrom('int32', 'int64')] },
  fc.constantFrom(0, 1, 9007199254740993n),
)
const fraction = defaulted('number', { ...ofNumber, format: [20, fc.constantFrom('float', 'double')] }, fc.constantFrom(0, 1.5))
const truth = defaulted('boolean', {}, fc.boolean())
const scalars = fc.oneof(text, whole, fraction, truth)

const CHOICE = [{ type: 'integer' }, { type: 'string' }]
const either = some(described).chain((schema) =>
  fc.constantFrom(
    { ...schema, 'x-kubernetes-int-or-string': true },
    { ...schema, 'x-kubernetes-int-or-string': true, anyOf: CHOICE },
    { ...schema, 'x-kubernetes-int-or-string': true, allOf: [{ anyOf: CHOICE }] },
    { ...schema, 'x-kubernetes-int-or-string': true, allOf: [{ anyOf: CHOICE }, { minLength: 1 }] },
    { ...schema, 'x-kubernetes-int-or-string': true, anyOf: [{ maximum: 5 }, { maxLength: 3 }] },
  ),
)
const open = some({ ...described, type: [50, fc.constantFrom('object')] }).map((schema) => ({
  ...schema,
  'x-kubernetes-preserve-unknown-fields': true,
}))

/** What a value has to be besides. */
const demands: fc.Arbitrary<Json> = fc.oneof(
  some(ofText),
  some(ofNumber),
  fc.constantFrom(
    { required: ['a'] },
    { properties: { a: { maxLength: 3 }, b: { not: { enum: [1] } } } },
    { items: { minLength: 1 } },
    { additionalProperties: { minLength: 1 } },
  ),
)
const junctors: Fields = {
  allOf: [8, fc.array(demands, { maxLength: 2 })],
  anyOf: [8, fc.array(demands, { maxLength: 2 })],
  oneOf: [8, fc.array(demands, { maxLength: 2 })],
  not: [8, demands],
}

const keyed = (fields: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.record({ name: text, port: fc.oneof(whole, text), more: fields }).map(({ name, port, more }) => ({
    type: 'object',
    required: ['name'],
    properties: { ...more, name, port: { ...port, default: port['type'] === 'integer' ? 80 : 'http' } },
  }))

/** A sound structural schema of some depth. */
export function schemas(depth: number): fc.Arbitrary<Json> {
  if (depth === 0) return fc.oneof({ weight: 4, arbitrary: scalars }, either, open)
  const below = schemas(depth - 1)
  const properties = fc.dictionary(names, below, { maxKeys: 4 })
  const struct = some({
    ...described,
    ...ruled,
    ...junctors,
    ...ofMap,
    required: [25, fc.uniqueArray(names, { maxLength: 3 })],
    'x-kubernetes-map-type': [15, fc.constantFrom('atomic', 'granular')],
    'x-kubernetes-preserve-unknown-fields': [8, fc.constant(true)],
  }).chain((schema) => properties.map((all) => ({ type: 'object', ...schema, properties: all })))
  const embedded = struct.map(({ properties: own, ...schema }) => {
    const { kind: _, metadata: __, ...all } = own as Json
    return { ...schema, properties: { ...all, spec: { type: 'object' } }, 'x-kubernetes-embedded-resource': true }
  })
  const map = some({ ...described, ...ofMap, ...junctors }).chain((schema) =>
    fc
      .oneof({ weight: 5, arbitrary: below }, { weight: 1, arbitrary: fc.constant(true) })
      .map((additionalProperties) => ({ type: 'object', ...schema, additionalProperties })),
  )
  const list = some({ ...described, ...ofList, ...junctors, 'x-kubernetes-list-type': [40, fc.constant('atomic')] }).chain(
    (schema) => below.map((items) => ({ type: 'array', ...schema, items })),
  )
  const set = some({ ...described, ...ofList }).chain((schema) =>
    scalars.map(({ default: _, nullable: __, ...items }) => ({
      type: 'array',
      ...schema,
      items,
      'x-kubernetes-list-type': 'set',
    })),
  )
  const listMap = fc
    .tuple(
      some(ofList),
      keyed(fc.dictionary(fc.constantFrom('a', 'b', 'c'), below, { maxKeys: 3 })),
      fc.constantFrom(['name'], ['name', 'port']),
    )
    .map(([schema, items, keys]) => ({
      type: 'array',
      ...schema,
      items,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': keys,
    }))
  return fc.oneof(scalars, either, open, { weight: 4, arbitrary: struct }, embedded, map, list, set, {
    weight: 2,
    arbitrary: listMap,
  })
}

/** The schema of a whole custom kind. */
export const rootSchemas: fc.Arbitrary<Json> = fc
  .tuple(
    some({
      ...described,
      nullable: [0, fc.constant(false)],
      ...ruled,
      'x-kubernetes-preserve-unknown-fields': [6, fc.constant(true)],
    }),
    schemas(3),
    schemas(2),
  )
  .map(([root, spec, status]) => ({ type: 'object', ...root, properties: { spec, status, metadata: { type: 'object' } } }))
