import assert from 'node:assert/strict'
import test from 'node:test'
import { type CustomResourceDefinition, customResourceDefinitions, type JSONSchemaProps, loadRules } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

await loadRules()

const definition = (schema: object): CustomResourceDefinition => ({
  metadata: { name: 'foos.a.com' },
  spec: {
    group: 'a.com',
    scope: 'Namespaced',
    names: { plural: 'foos', kind: 'Foo', singular: 'foo', listKind: 'FooList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema as JSONSchemaProps } }],
    conversion: { strategy: 'None' },
  },
  status: { storedVersions: ['v1'] },
})

const ROOT = 'spec.validation.openAPIV3Schema'

/** What is said of a schema, by its places below the root. */
const findings = (schema: object): string[] =>
  foundBy((found) => customResourceDefinitions.validate(definition(schema), found, { nowMs: 0 })).map(
    ({ field, message }) => `${field.replace(`${ROOT}.`, '')}: ${message.replaceAll(ROOT, '$')}`,
  )

const string = { type: 'string', maxLength: 9 }
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })
const list = (items: object, more: object = {}): object => ({ type: 'array', maxItems: 5, items, ...more })
const rules = (...each: object[]): object => ({ 'x-kubernetes-validations': each })
const KEY = 'this property is in x-kubernetes-list-map-keys, so it'
const rule = (text: string, more: object = {}): string =>
  JSON.stringify({ Rule: text, Message: '', MessageExpression: '', Reason: null, FieldPath: '', OptionalOldSelf: null, ...more })

const CASES: readonly (readonly [name: string, schema: object, expected: readonly string[]])[] = [
  [
    'null is no type, for two reasons',
    object({ a: { type: 'null' } }),
    [
      'properties[a].type: Unsupported value: "null": supported values: "array", "boolean", "integer", "number", "object", "string"',
      'properties[a].type: Forbidden: type cannot be set to null, use nullable as an alternative',
    ],
  ],
  ['words that say nothing are no words', object({ a: { ...string, id: '', patternProperties: {}, definitions: {} } }), []],
  [
    'words that are refused even when they say nothing',
    object({ a: { ...string, additionalItems: {}, dependencies: {}, $ref: '' } }),
    [
      'properties[a].additionalItems: Forbidden: additionalItems is not supported',
      'properties[a].dependencies: Forbidden: dependencies is not supported',
      'properties[a].$ref: Forbidden: $ref is not supported',
    ],
  ],
  [
    'a schema that can not be read is judged by its words alone',
    object({ a: { $ref: '#/x' }, b: {} }),
    ['properties[a].$ref: Forbidden: $ref is not supported'],
  ],
  [
    'a word that nothing else complains about',
    { ...object({}), $schema: 'http://json-schema.org/draft-04/schema#' },
    [`${ROOT}: Invalid value: "": OpenAPIV3Schema 'schema' is not supported`],
  ],
  [
    'unknown fields are kept or not spoken of',
    object({ a: { type: 'object', 'x-kubernetes-preserve-unknown-fields': false } }),
    ['properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined'],
  ],
  ['links and examples below a junctor', object({ a: { ...string, anyOf: [{ example: 'x', externalDocs: { url: 'x' } }] } }), []],
  [
    'an example beside the names of metadata',
    object({ metadata: { type: 'object', example: {} } }),
    [
      'properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
    ],
  ],
  [
    'items of a set that are merged, by the list type that upstream shows',
    object({
      a: list(object({}), { 'x-kubernetes-list-type': 'set' }),
      b: list(list(string, { 'x-kubernetes-list-type': 'set' }), { 'x-kubernetes-list-type': 'set' }),
    }),
    [
      'properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
      'properties[b].items.x-kubernetes-list-type: Invalid value: "set": must be atomic as item of a list with x-kubernetes-list-type=set',
    ],
  ],
  [
    'keys: first what they are, then whether they are there',
    object({
      a: list(object({ k: { type: 'string', nullable: true }, o: object({}) }, { nullable: true }), {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k', 'o', 'k', 'x'],
      }),
    }),
    [
      'properties[a].items.properties[o].type: Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
      'properties[a].x-kubernetes-list-map-keys: Invalid value: ["k","o","k","x"]: must not contain duplicate entries',
      'properties[a].x-kubernetes-list-map-keys: Invalid value: ["k","o","k","x"]: entries must all be names of item properties',
      'properties[a].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is map',
      `properties[a].items.properties[k].default: Required value: ${KEY} must have a default or be a required property`,
      `properties[a].items.properties[k].nullable: Forbidden: ${KEY} cannot be nullable`,
      `properties[a].items.properties[o].default: Required value: ${KEY} must have a default or be a required property`,
      `properties[a].items.properties[k].default: Required value: ${KEY} must have a default or be a required property`,
      `properties[a].items.properties[k].nullable: Forbidden: ${KEY} cannot be nullable`,
    ],
  ],
  [
    'keys of what is no object',
    object({ a: list(string, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }) }),
    ['properties[a].items.type: Invalid value: "string": must be object if parent array\'s x-kubernetes-list-type is map'],
  ],
  [
    'an unknown default, which is of the wrong type, too',
    object({ a: object({ x: { type: 'integer' } }, { default: { x: 'y', z: 1 } }) }),
    [
      'properties[a].default: Invalid value: {"x":"y","z":1}: must not have unknown fields',
      'properties[a].default.x: Invalid value: "string": x in body must be of type integer: "string"',
    ],
  ],
  ['a default with an item twice', object({ a: list(string, { 'x-kubernetes-list-type': 'set', default: ['x', 'x'] }) }), []],
  ['a default of the values of a map', object({ a: { type: 'object', additionalProperties: { ...string, default: 1 } } }), []],
  [
    'a default that its rules refuse, as one that was there before',
    object({ a: { ...string, default: 'x', ...rules({ rule: "oldSelf != 'x'" }) } }),
    ['properties[a].default: Invalid value: "x": failed rule: oldSelf != \'x\''],
  ],
  [
    'a default beside a rule that says nothing',
    object({ a: { ...string, default: 'x', ...rules({ rule: ' ' }) } }),
    ['properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified'],
  ],
  [
    'a default that its rules refuse where there was nothing',
    object({ a: { ...string, default: 'x', ...rules({ rule: 'oldSelf.hasValue()', optionalOldSelf: true }) } }),
    ['properties[a].default: Invalid value: "x": failed rule: oldSelf.hasValue()'],
  ],
  [
    'rules beside a fault elsewhere, the innermost first, after all faults',
    object({
      a: object({ b: { ...string, ...rules({ rule: 'self < 1' }) } }, rules({ rule: 'self.c' })),
      d: { ...string, uniqueItems: true },
    }),
    [
      'properties[d].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      `properties[a].properties[b].x-kubernetes-validations[0].rule: Invalid value: ${rule('self < 1').replace('<', '\\u003c')}: compilation failed: ERROR: <input>:1:6: found no matching overload for '_<_' applied to '(string, int)'\n | self < 1\n | .....^`,
      `properties[a].x-kubernetes-validations[0].rule: Invalid value: ${rule('self.c')}: compilation failed: ERROR: <input>:1:5: undefined field 'c'\n | self.c\n | ....^`,
    ],
  ],
  [
    'rules around a fault',
    object({ a: object({ b: { ...string, uniqueItems: true } }, rules({ rule: 'self.c' })) }),
    [
      'properties[a].properties[b].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    ],
  ],
  [
    'a rule that does not compile needs no message and no old value',
    object({ a: { ...string, ...rules({ rule: 'self', messageExpression: '1', optionalOldSelf: true }) } }),
    [
      `properties[a].x-kubernetes-validations[0].rule: Invalid value: ${rule('self', { MessageExpression: '1', OptionalOldSelf: true })}: cel expression must evaluate to a bool`,
      'properties[a].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule',
    ],
  ],
  [
    'the old value of an item that nothing tells apart, but not of a field of an atomic map',
    object({
      a: list({ ...string, ...rules({ rule: 'self == oldSelf' }) }),
      b: object({ c: { ...string, ...rules({ rule: 'self == oldSelf' }) } }, { 'x-kubernetes-map-type': 'atomic' }),
    }),
    [
      'properties[a].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within $.properties[a]',
    ],
  ],
  [
    'messages and places of rules',
    object({
      a: object(
        { m: { type: 'object', maxProperties: 3, additionalProperties: string }, 'x.y': string },
        rules(
          { rule: 'true\n', message: ' ' },
          { rule: 'true &&\ntrue' },
          { rule: 'true', message: 'a\nb', reason: 'Odd', messageExpression: ' ' },
          { rule: 'true', fieldPath: ".m['any']" },
          { rule: 'true', fieldPath: ".['x.y']" },
          { rule: 'true', fieldPath: "['x.y']" },
          { rule: 'true', fieldPath: '.m[0]' },
          { rule: 'true', fieldPath: ' .m' },
          { rule: 'true', fieldPath: '.n' },
        ),
      ),
    }),
    [
      'properties[a].x-kubernetes-validations[0].message: Invalid value: " ": must be non-empty if specified',
      'properties[a].x-kubernetes-validations[1].message: Required value: message must be specified if rule contains line breaks',
      'properties[a].x-kubernetes-validations[2].message: Invalid value: "a\\nb": must not contain line breaks',
      'properties[a].x-kubernetes-validations[2].messageExpression: Required value: messageExpression must be non-empty if specified',
      'properties[a].x-kubernetes-validations[2].reason: Unsupported value: "Odd": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
      `properties[a].x-kubernetes-validations[4].fieldPath: Invalid value: ".['x.y']": must be a valid path`,
      'properties[a].x-kubernetes-validations[6].fieldPath: Invalid value: ".m[0]": must be a valid path',
      'properties[a].x-kubernetes-validations[7].fieldPath: Invalid value: " .m": must be a valid path',
      'properties[a].x-kubernetes-validations[8].fieldPath: Invalid value: ".n": must be a valid path',
    ],
  ],
]

for (const [name, schema, expected] of CASES) {
  test(`a schema: ${name}`, () => assert.deepEqual(findings(schema), expected))
}

test('beside a status only some words may stand at the root, and the whole schema is shown by upstream’s names', () => {
  const crd = definition({ type: 'object', nullable: true, description: 'a < b', properties: { b: string, a: string } })
  crd.spec.versions[0]!.subresources = { status: {} }
  const [first, second, ...rest] = foundBy((found) => customResourceDefinitions.validate(crd, found, { nowMs: 0 }))
  assert.deepEqual(rest, [])
  assert.equal(second?.message, 'Forbidden: nullable cannot be true at the root')
  assert.match(
    first!.message,
    /^Invalid value: \{"ID":"","Schema":"","Ref":null,"Description":"a \\u003c b","Type":"object","Nullable":true,.*"Properties":\{"a":\{"ID":"".*"XValidations":null\}: only \[Description Type .* XValidations\] fields are allowed at the root of the schema if the status subresource is enabled$/,
  )
})
