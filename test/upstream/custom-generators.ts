import fc from 'fast-check'
import { type Fields, some } from './custom-schemas.ts'

type Json = Record<string, unknown>

const mostly = (common: fc.Arbitrary<unknown>, ...rare: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: common }, { weight: 1, arbitrary: fc.constantFrom(...rare) })

const NAMES = ['a', 'b', 'c', 'd', 'metadata', 'apiVersion', 'kind', 'spec', 'status', 'x-y', 'name', 'generateName', '']
const names = fc.constantFrom(...NAMES)
const SCALARS = [null, true, false, 0, 1, -1, 5, 1.5, 1e21, 2147483648, '', 'a', 'abc', '2020-01-01', '5%', [], {}] as const

/** Any small value. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    fc.constantFrom(...SCALARS),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'metadata', 'apiVersion', 'kind', 'name'), tie('value'), { maxKeys: 3 }),
  ),
})).value

const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean']
const rules = fc.array(
  some({
    rule: [95, fc.constantFrom('true', '', ' ', 'self == self', 'true\n&& true')],
    message: [50, fc.constantFrom('m', '', ' ', 'a\nb')],
    messageExpression: [20, fc.constantFrom('', ' ', '"x"')],
    reason: [30, fc.constantFrom('FieldValueInvalid', 'Foo', '')],
    fieldPath: [50, fc.constantFrom('', ' ', '.a', '.a.b', 'a', '.a[0]', ".c['x']", '.b\n')],
    optionalOldSelf: [20, fc.boolean()],
  }),
  { maxLength: 2 },
)

const fieldsOf = (sub: fc.Arbitrary<unknown>): Fields => ({
  type: [85, mostly(fc.constantFrom(...TYPES), '', 'null', 'foo')],
  properties: [40, fc.dictionary(names, sub, { maxKeys: 4 })],
  items: [20, fc.oneof({ weight: 9, arbitrary: sub }, { weight: 1, arbitrary: fc.array(sub, { maxLength: 2 }) })],
  additionalProperties: [10, fc.oneof({ weight: 3, arbitrary: sub }, { weight: 1, arbitrary: fc.boolean() })],
  required: [8, fc.array(names, { maxLength: 3 })],
  enum: [4, fc.array(anyValue, { maxLength: 3 })],
  default: [12, anyValue],
  nullable: [8, fc.boolean()],
  format: [5, fc.constantFrom('', 'int32', 'int64', 'date', 'date-time', 'foo', 'byte', 'uuid', 'k8s-short-name')],
  pattern: [5, fc.constantFrom('', '^a$', '(', '(?=a)', '\\d+', 'a{1001}', '(?i)a')],
  description: [3, fc.constantFrom('', 't')],
  maximum: [3, fc.constantFrom(0, 1.5, 1e300)],
  exclusiveMinimum: [2, fc.boolean()],
  multipleOf: [2, fc.constantFrom(0, 1, 0.1, -2)],
  maxLength: [3, fc.constantFrom(0, 10, -1)],
  minItems: [3, fc.constantFrom(0, 1, 10)],
  maxProperties: [3, fc.constantFrom(0, 1, 10)],
  uniqueItems: [2, fc.boolean()],
  allOf: [5, fc.array(sub, { maxLength: 2 })],
  anyOf: [5, fc.oneof(fc.array(sub, { maxLength: 2 }), fc.constant([{ type: 'integer' }, { type: 'string' }]))],
  oneOf: [5, fc.array(sub, { maxLength: 2 })],
  not: [4, sub],
  'x-kubernetes-preserve-unknown-fields': [8, mostly(fc.constant(true), false)],
  'x-kubernetes-embedded-resource': [5, fc.boolean()],
  'x-kubernetes-int-or-string': [5, fc.boolean()],
  'x-kubernetes-list-type': [8, fc.constantFrom('atomic', 'set', 'map', 'foo', '')],
  'x-kubernetes-list-map-keys': [6, fc.array(names, { maxLength: 3 })],
  'x-kubernetes-map-type': [6, fc.constantFrom('atomic', 'granular', 'foo', '')],
  'x-kubernetes-validations': [4, rules],
  id: [1, fc.constantFrom('', 'x')],
  $ref: [1, fc.constantFrom('', '#/x')],
  definitions: [1, fc.dictionary(names, sub, { maxKeys: 1 })],
  patternProperties: [1, fc.dictionary(names, sub, { maxKeys: 1 })],
  dependencies: [1, fc.dictionary(names, sub, { maxKeys: 1 })],
  additionalItems: [1, fc.oneof(sub, fc.boolean())],
  example: [1, anyValue],
})

const leaf: fc.Arbitrary<unknown> = fc.constantFrom(...TYPES.filter((type) => type !== 'array').map((type) => ({ type })), {
  type: 'array',
  items: { type: 'string' },
})
const schemaOf = (depth: number): fc.Arbitrary<Json> => some(fieldsOf(depth === 0 ? leaf : fc.oneof(leaf, schemaOf(depth - 1))))

const label = fc.constantFrom('foos', 'Foos', 'f_oo', '', 'a.b', 'x'.repeat(64), '9a', 'FooList', 'é')
const version = some({
  name: [95, mostly(fc.constantFrom('v1', 'v2', 'v1beta1'), '', 'V1', 'v1.2', '1a')],
  served: [95, fc.boolean()],
  storage: [95, fc.boolean()],
  deprecated: [20, fc.boolean()],
  deprecationWarning: [20, fc.constantFrom('', 'old', 'x'.repeat(257), 'a\nb', 'é\u0000')],
  schema: [90, mostly(some({ openAPIV3Schema: [100, schemaOf(3).map((schema) => ({ ...schema, type: 'object' }))] }), {})],
  subresources: [
    40,
    some({
      status: [70, fc.constant({})],
      scale: [
        50,
        some({
          specReplicasPath: [90, fc.constantFrom('.spec.replicas', '.status.replicas', '', 'spec.a', '.spec')],
          statusReplicasPath: [90, fc.constantFrom('.spec.replicas', '.status.replicas', '', '.status')],
          labelSelectorPath: [50, fc.constantFrom('.spec.selector', '.status.selector', '', 'x', '.metadata.x')],
        }),
      ],
    }),
  ],
  additionalPrinterColumns: [
    30,
    fc.array(
      some({
        name: [90, fc.constantFrom('A', '', 'B')],
        type: [90, fc.constantFrom('string', 'date', 'foo', '')],
        format: [30, fc.constantFrom('int32', 'foo', '')],
        jsonPath: [90, fc.constantFrom('.a', '', 'a', '.a[*].b', '.a[', '..a')],
      }),
      { maxLength: 2 },
    ),
  ],
})

const webhook = some({
  clientConfig: [
    90,
    some({
      url: [
        50,
        fc.constantFrom('https://a.b/c', 'http://a', '', 'https://', 'https://a?b', 'https://u:p@a', ':x', 'https://a/%zz'),
      ],
      service: [
        60,
        some({
          namespace: [90, fc.constantFrom('ns', '')],
          name: [90, fc.constantFrom('svc', '')],
          path: [40, fc.constantFrom('/a', 'a', '', '/', '/a//b', '/a b', '//')],
          port: [40, fc.constantFrom(0, 443, 65536)],
        }),
      ],
    }),
  ],
  conversionReviewVersions: [90, fc.array(fc.constantFrom('v1', 'v1beta1', 'v2', '', 'V_'), { maxLength: 3 })],
})

/** A definition, mostly wrong in several places. */
export const hostileDefinition: fc.Arbitrary<Json> = some({
  metadata: [100, some({ name: [100, mostly(fc.constant('foos.example.com'), 'a', 'foos.k8s.io', 'Foos.Example.com')] })],
  spec: [
    99,
    some({
      group: [98, mostly(fc.constant('example.com'), '', 'a', 'k8s.io', 'A.b', 'a..b')],
      names: [
        98,
        some({
          plural: [97, mostly(fc.constant('foos'), '', 'Foos')],
          singular: [30, label],
          kind: [97, mostly(fc.constant('Foo'), '', 'f_oo', 'FooList')],
          listKind: [30, label],
          shortNames: [20, fc.array(label, { maxLength: 3 })],
          categories: [20, fc.array(label, { maxLength: 3 })],
        }),
      ],
      scope: [98, mostly(fc.constantFrom('Namespaced', 'Cluster'), '', 'x')],
      versions: [
        98,
        fc.oneof(
          version.map((each) => [{ ...each, name: 'v1', served: true, storage: true }]),
          fc.array(version, { maxLength: 3 }),
        ),
      ],
      conversion: [30, some({ strategy: [95, fc.constantFrom('None', 'Webhook', 'Foo', '')], webhook: [80, webhook] })],
      preserveUnknownFields: [10, fc.boolean()],
    }),
  ],
}).map((definition) => ({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', ...definition }))
