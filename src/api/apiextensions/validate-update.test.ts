import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionVersion,
  customResourceDefinitions,
  type JSONSchemaProps,
  loadRules,
} from '../index.ts'
import { foundBy } from '../validation/findings.ts'

await loadRules()

const string = { type: 'string' }
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })

const version = (schema: object, name = 'v1'): CustomResourceDefinitionVersion => ({
  name,
  served: true,
  storage: name === 'v1',
  schema: { openAPIV3Schema: schema as JSONSchemaProps },
})

const definition = (...versions: CustomResourceDefinitionVersion[]): CustomResourceDefinition => ({
  metadata: { name: 'foos.a.com' },
  spec: {
    group: 'a.com',
    scope: 'Namespaced',
    names: { plural: 'foos', kind: 'Foo', singular: 'foo', listKind: 'FooList' },
    versions,
    conversion: { strategy: 'None' },
  },
  status: { storedVersions: ['v1'], conditions: [{ type: 'Established', status: 'True', reason: 'x', message: '' }] },
})

type Change = (crd: CustomResourceDefinition) => void

const nothing: Change = () => undefined

function findings(old: CustomResourceDefinition, change: Change): string[] {
  const next = deepClone(old)
  change(next)
  return foundBy((found) => customResourceDefinitions.validateUpdate(next, old, found, { nowMs: 0 })).map(
    ({ field, message }) => `${field}: ${message}`,
  )
}

const ROOT = 'spec.validation.openAPIV3Schema'
const schema = (properties: object): CustomResourceDefinition => definition(version(object(properties)))
const withField: Change = ({ spec }) => {
  spec.versions[0]!.schema!.openAPIV3Schema!.properties!['more'] = { type: 'string' }
}
const listOf = (items: object, more: object): object => ({ type: 'array', items, ...more })
const nonStructural: Change = ({ spec }) => void (spec.preserveUnknownFields = true)
const changed = (crd: CustomResourceDefinition, change: Change): CustomResourceDefinition => {
  change(crd)
  return crd
}
const protectedBy = (value: string | undefined): CustomResourceDefinition =>
  changed(schema({}), (crd) => {
    crd.spec.group = 'x.k8s.io'
    crd.metadata!.annotations = value === undefined ? {} : { 'api-approved.kubernetes.io': value }
  })
const approve =
  (value: string): Change =>
  ({ metadata }) =>
    void (metadata!.annotations = value === '' ? {} : { 'api-approved.kubernetes.io': value })
const APPROVAL = 'metadata.annotations[api-approved.kubernetes.io]'

/** What was accepted by an older server, and what may be made of it. */
const CASES: readonly (readonly [name: string, old: CustomResourceDefinition, change: Change, expected: readonly string[]])[] = [
  [
    'a version without a schema stays, where unknown fields are kept',
    changed(definition({ name: 'v1', served: true, storage: true }), nonStructural),
    nothing,
    [],
  ],
  [
    'a served version without a schema would lose everything',
    definition({ name: 'v1', served: true, storage: true }),
    nothing,
    ['spec.versions[0].schema.openAPIV3Schema: Required value: because otherwise all fields are pruned'],
  ],
  ['a schema without structure stays', changed(schema({ a: {} }), nonStructural), withField, []],
  [
    'a schema without structure gets one before fields are dropped by it',
    changed(schema({ a: {} }), nonStructural),
    ({ spec }) => void (spec.preserveUnknownFields = false),
    [`${ROOT}.properties[a].type: Required value: must not be empty for specified object fields`],
  ],
  [
    'a schema without structure gets one before fields are filled in by it',
    changed(schema({ a: {} }), nonStructural),
    ({ spec }) => void (spec.versions[0]!.schema!.openAPIV3Schema!.properties!['b'] = { type: 'string', default: 'x' }),
    [
      'spec.preserveUnknownFields: Invalid value: true: must be false in order to use defaults in the schema',
      `${ROOT}.properties[a].type: Required value: must not be empty for specified object fields`,
    ],
  ],
  ['a type that does not exist stays', schema({ a: { type: 'text' } }), withField, []],
  ['a default with unknown fields stays', schema({ a: object({}, { default: { x: 1 } }) }), withField, []],
  [
    'items of a set that are no whole stay',
    schema({ a: listOf(object({}), { 'x-kubernetes-list-type': 'set' }) }),
    withField,
    [],
  ],
  [
    'a key that may be absent stays',
    schema({ a: listOf(object({ k: string }), { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }) }),
    withField,
    [],
  ],
  [
    'one version’s excuse is every version’s',
    definition(version(object({ a: { type: 'text' } })), version(object({}), 'v2')),
    ({ spec }) => void (spec.versions[1]!.schema!.openAPIV3Schema!.properties = { b: { type: 'word' } }),
    [],
  ],
  [
    'nothing is excused that was right',
    schema({}),
    ({ spec }) => void (spec.versions[0]!.schema!.openAPIV3Schema!.properties = { a: { type: 'text' } }),
    [
      `${ROOT}.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
  ],
  ['an approval that was never asked for', protectedBy(undefined), withField, []],
  [
    'an approval that is made up later',
    protectedBy(undefined),
    approve('yes'),
    [
      `${APPROVAL}: Invalid value: "yes": protected groups must have approval annotation "api-approved.kubernetes.io" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
    ],
  ],
  [
    'an approval that is taken away',
    protectedBy('yes'),
    approve(''),
    [
      `${APPROVAL}: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111`,
    ],
  ],
  ['an approval that is given up in words', protectedBy('https://a.b/c'), approve('unapproved, for now'), []],
  [
    'what is established does not move',
    schema({}),
    ({ spec }) => {
      spec.scope = 'Cluster'
      spec.names.kind = 'Bar'
      spec.group = 'b.com'
      spec.names.plural = 'bars'
    },
    [
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Bar": field is immutable',
      'spec.group: Invalid value: "b.com": field is immutable',
      'spec.names.plural: Invalid value: "bars": field is immutable',
    ],
  ],
]

for (const [name, old, change, expected] of CASES) {
  test(`an update of a definition: ${name}`, () => assert.deepEqual(findings(old, change), expected))
}

test('more selectable fields than are allowed stay as they are, and only so', () => {
  const names = Array.from({ length: 9 }, (_, index) => `f${index}`)
  const old = schema(Object.fromEntries(names.map((name) => [name, string])))
  old.spec.versions[0]!.selectableFields = names.map((name) => ({ jsonPath: `.${name}` }))
  assert.deepEqual(findings(old, withField), [])
  const reordered: Change = ({ spec }) => void spec.versions[0]!.selectableFields!.reverse()
  assert.deepEqual(findings(old, reordered), ['spec.selectableFields: Too many: 9: must have at most 8 items'])
})

test('what versions have in common is judged after each one’s own, and after the names', () => {
  const old = definition(version(object({ a: string })), version(object({ b: string }), 'v2'))
  const said = findings(old, ({ spec }) => {
    spec.names.singular = 'A'
    for (const each of spec.versions) {
      each.additionalPrinterColumns = [{ name: '', type: 'string', jsonPath: '.x' }]
      each.deprecationWarning = 'old'
      each.schema!.openAPIV3Schema!.nullable = true
    }
  })
  assert.deepEqual(
    said.map((each) => each.split(': ')[0]),
    [
      'spec.versions[0].deprecationWarning',
      'spec.versions[0].schema.openAPIV3Schema.nullable',
      'spec.versions[1].deprecationWarning',
      'spec.versions[1].schema.openAPIV3Schema.nullable',
      'spec.names.singular',
      'spec.additionalPrinterColumns[0].name',
    ],
  )
})

const WARNINGS: readonly (readonly [warning: string, expected: string | undefined])[] = [
  ['plain, with ünïcode', undefined],
  ['', 'must not be an empty string'],
  ['é\u00a0', 'must only contain printable UTF-8 characters; non-printable character found at index 2'],
  ['a\nb', 'must only contain printable UTF-8 characters; non-printable character found at index 1'],
  ['é'.repeat(129), 'must be <= 256 characters long'],
]

for (const [warning, expected] of WARNINGS) {
  test(`a warning of deprecation: ${JSON.stringify(warning.slice(0, 20))}`, () => {
    const said = findings(schema({}), ({ spec }) =>
      Object.assign(spec.versions[0]!, { deprecated: true, deprecationWarning: warning }),
    )
    const path = `spec.versions[0].deprecationWarning: Invalid value: ${JSON.stringify(warning)}`
    assert.deepEqual(said, expected === undefined ? [] : [`${path}: ${expected}`])
  })
}

const PATHS: readonly (readonly [jsonPath: string, expected: string | undefined])[] = [
  ['.spec.color', undefined],
  ['.spec.labels.app', undefined],
  ['spec.color', 'is an invalid path: expected [ or . but got: spec'],
  ['.spec[0]', 'is an invalid path: array notation is not allowed'],
  ['.spec.', 'is an invalid path: unexpected end of JSON path'],
  ['.spec..color', 'is an invalid path: does not refer to a valid field'],
  ['.spec.color.x', 'is an invalid path: does not refer to a valid field'],
  ['.metadata.name', 'must not point to fields in metadata'],
  ['.spec', 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'],
]

for (const [jsonPath, expected] of PATHS) {
  test(`a selectable field: ${jsonPath}`, () => {
    const labels = { type: 'object', additionalProperties: string }
    const old = schema({ spec: object({ color: string, labels }), metadata: object({ name: string }) })
    const said = findings(old, ({ spec }) => void (spec.versions[0]!.selectableFields = [{ jsonPath }]))
    const path = `spec.selectableFields[0].jsonPath: Invalid value: ${JSON.stringify(jsonPath)}`
    assert.deepEqual(said, expected === undefined ? [] : [`${path}: ${expected}`])
  })
}
