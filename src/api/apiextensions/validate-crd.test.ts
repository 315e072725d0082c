import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { type CustomResourceDefinition, customResourceDefinitions, type JSONSchemaProps, loadRules } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

await loadRules()

const base = (schema: object = { type: 'object' }): CustomResourceDefinition => ({
  metadata: { name: 'foos.a.com' },
  spec: {
    group: 'a.com',
    scope: 'Namespaced',
    names: { plural: 'foos', kind: 'Foo' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema as JSONSchemaProps } }],
  },
})

function findings(crd: CustomResourceDefinition): string[] {
  const draft = deepClone(crd)
  customResourceDefinitions.default(draft)
  customResourceDefinitions.prepareForCreate(draft, [])
  return foundBy((found) => customResourceDefinitions.validate(draft, found, { nowMs: 0 })).map(
    ({ field, message }) => `${field}: ${message}`,
  )
}

const ROOT = 'spec.validation.openAPIV3Schema'
const string = { type: 'string' }
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })

const SCHEMAS: readonly (readonly [name: string, schema: object, expected: readonly string[]])[] = [
  ['a plain one', object({ spec: object({ a: string, b: { type: 'array', items: string } }) }), []],
  ['a root without a type', {}, [`${ROOT}.type: Required value: must not be empty at the root`]],
  ['a root that is no object', { type: 'string' }, [`${ROOT}.type: Invalid value: "string": must be object at the root`]],
  [
    'fields and items without a type',
    object({ a: {}, b: { type: 'array', items: {} }, c: { type: 'array' } }),
    [
      `${ROOT}.properties[a].type: Required value: must not be empty for specified object fields`,
      `${ROOT}.properties[b].items.type: Required value: must not be empty for specified array items`,
      `${ROOT}.properties[c].items: Required value: must be specified`,
    ],
  ],
  [
    'an unknown type',
    object({ a: { type: 'text' } }),
    [
      `${ROOT}.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
  ],
  [
    'additional properties at the root',
    { type: 'object', additionalProperties: string },
    [`${ROOT}.additionalProperties: Forbidden: must not be used at the root`],
  ],
  [
    'both kinds of properties',
    object({ a: object({ x: string }, { additionalProperties: string }) }),
    [`${ROOT}.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
  ],
  [
    'metadata that says too much',
    object({ metadata: object({ labels: { type: 'object' } }) }),
    [
      `${ROOT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
    ],
  ],
  ['metadata that narrows its name', object({ metadata: object({ name: { type: 'string', maxLength: 5 } }) }), []],
  [
    'a type below a junctor',
    object({ a: { type: 'string', anyOf: [{ type: 'string' }] } }),
    [`${ROOT}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`],
  ],
  [
    'a field only below a junctor',
    object({}, { anyOf: [{ properties: { x: { minLength: 1 } } }] }),
    [`${ROOT}.properties[x]: Required value: because it is defined in ${ROOT}.anyOf[0].properties[x]`],
  ],
  [
    'int-or-string with its own choice',
    object({
      a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    }),
    [],
  ],
  [
    'a bad pattern',
    object({ a: { type: 'string', pattern: '(' } }),
    [
      `${ROOT}.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``,
    ],
  ],
  [
    'unique items',
    object({ a: { type: 'array', items: string, uniqueItems: true } }),
    [
      `${ROOT}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ],
  ],
  [
    'a keyed list without keys',
    object({ a: { type: 'array', 'x-kubernetes-list-type': 'map', items: object({ k: string }) } }),
    [`${ROOT}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`],
  ],
  [
    'a keyed list with an optional key',
    object({
      a: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: object({ k: string }) },
    }),
    [
      `${ROOT}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
  ],
  [
    'a set of objects',
    object({ a: { type: 'array', 'x-kubernetes-list-type': 'set', items: object({ k: string }) } }),
    [
      `${ROOT}.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
    ],
  ],
  [
    'a default of the wrong type',
    object({ a: { type: 'string', default: 5 } }),
    [`${ROOT}.properties[a].default: Invalid value: "integer":  in body must be of type string: "integer"`],
  ],
  [
    'a default with an unknown field',
    object({ a: object({ x: string }, { default: { y: 'z' } }) }),
    [`${ROOT}.properties[a].default: Invalid value: {"y":"z"}: must not have unknown fields`],
  ],
  [
    'a default in the metadata',
    object({ metadata: object({ name: { type: 'string', default: 'x' } }) }),
    [`${ROOT}.properties[metadata].properties[name].default: Forbidden: must not be set in top-level metadata`],
  ],
  [
    'an embedded object without a content',
    object({ a: { type: 'object', 'x-kubernetes-embedded-resource': true } }),
    [
      `${ROOT}.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
    ],
  ],
  [
    'a rule without a rule',
    object({ a: { type: 'string', 'x-kubernetes-validations': [{ rule: ' ' }] } }),
    [`${ROOT}.properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified`],
  ],
]

for (const [name, schema, expected] of SCHEMAS) {
  test(`the schema of a definition: ${name}`, () => assert.deepEqual(findings(base(schema)), expected))
}

const changed = (change: (crd: CustomResourceDefinition) => void): CustomResourceDefinition => {
  const crd = base()
  change(crd)
  return crd
}

const DEFINITIONS: readonly (readonly [name: string, crd: CustomResourceDefinition, expected: readonly string[]])[] = [
  [
    'a group without a dot',
    changed((crd) => {
      crd.spec.group = 'a'
      crd.metadata!.name = 'foos.a'
    }),
    ['spec.group: Invalid value: "a": should be a domain with at least one dot'],
  ],
  [
    'a protected group without approval',
    changed((crd) => {
      crd.spec.group = 'x.k8s.io'
      crd.metadata!.name = 'foos.x.k8s.io'
    }),
    [
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ],
  ],
  [
    'a list of the same kind',
    changed((crd) => {
      crd.spec.names.listKind = 'Foo'
    }),
    ['spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same'],
  ],
  [
    'no stored version',
    changed((crd) => {
      crd.spec.versions[0]!.storage = false
    }),
    [
      'spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]: must have exactly one version marked as storage version',
      'status.storedVersions: Invalid value: null: must have at least one stored version',
    ],
  ],
  [
    'a webhook without its place',
    changed((crd) => {
      crd.spec.conversion = { strategy: 'Webhook' }
    }),
    [
      'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
      'spec.conversion.conversionReviewVersions: Required value',
    ],
  ],
  [
    'a webhook in the clear',
    changed((crd) => {
      crd.spec.conversion = {
        strategy: 'Webhook',
        webhook: { clientConfig: { url: 'http://a.b/c' }, conversionReviewVersions: ['v2'] },
      }
    }),
    [
      'spec.conversion.webhookClientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'spec.conversion.conversionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
    ],
  ],
  [
    'a scale path outside of the spec',
    changed((crd) => {
      crd.spec.versions[0]!.subresources = { scale: { specReplicasPath: '.replicas', statusReplicasPath: 'status' } }
    }),
    [
      'spec.subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec',
      'spec.subresources.scale.statusReplicasPath: Invalid value: "status": must be a simple json path starting with .',
    ],
  ],
  [
    'a column of no type',
    changed((crd) => {
      crd.spec.versions[0]!.additionalPrinterColumns = [{ name: 'A', type: 'text', jsonPath: '.a' }]
    }),
    ['spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string'],
  ],
  [
    'a selectable field that is not there',
    changed((crd) => {
      crd.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec.color' }]
    }),
    ['spec.selectableFields[0].jsonPath: Invalid value: ".spec.color": is an invalid path: does not refer to a valid field'],
  ],
  [
    'a warning for a version that is not deprecated',
    changed((crd) => {
      crd.spec.versions[0]!.deprecationWarning = 'old'
    }),
    ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
  ],
  [
    'unknown fields kept everywhere',
    changed((crd) => {
      crd.spec.preserveUnknownFields = true
    }),
    [
      'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    ],
  ],
]

for (const [name, crd, expected] of DEFINITIONS) {
  test(`a definition: ${name}`, () => assert.deepEqual(findings(crd), expected))
}

test('a version that was stored stays until nothing is stored in it', () => {
  const old = base()
  customResourceDefinitions.default(old)
  customResourceDefinitions.prepareForCreate(old, [])
  const next = deepClone(old)
  next.spec.versions = [{ ...next.spec.versions[0]!, name: 'v2' }]
  customResourceDefinitions.prepareForUpdate(next, old)
  assert.deepEqual(next.status?.storedVersions, ['v1', 'v2'])
  const problems = foundBy((found) => customResourceDefinitions.validateUpdate(next, old, found, { nowMs: 0 }))
  assert.deepEqual(
    problems.map(({ field, message }) => `${field}: ${message}`),
    [
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ],
  )
})

test('nested schemas are read by the same type as their parents', () => {
  const crd = base(
    object({
      a: { type: 'array', items: { type: 'string', unknown: 1 } },
      b: { type: 'object', additionalProperties: { typo: 'x' } },
    }),
  )
  const { value, unknown } = customResourceDefinitions.conform!(crd)
  // Upstream drops in silence what such a schema does not know.
  assert.deepEqual(unknown, [])
  assert.deepEqual((value as CustomResourceDefinition).spec.versions[0]?.schema?.openAPIV3Schema?.properties, {
    a: { type: 'array', items: { type: 'string' } },
    b: { type: 'object', additionalProperties: {} },
  })
  const { items } = (customResourceDefinitions.conform!(base({ type: 'array', items: 5 })).value as CustomResourceDefinition).spec
    .versions[0]!.schema!.openAPIV3Schema!
  assert.equal(items, undefined)
  const odd = base({ type: 'object', additionalProperties: 5 })
  assert.throws(() => customResourceDefinitions.conform!(odd), /^StructureError: boolean or JSON schema expected$/)
})

/** What is said of a definition as it was sent. */
function sent(crd: CustomResourceDefinition): string[] {
  const draft = customResourceDefinitions.conform!(crd).value as CustomResourceDefinition
  customResourceDefinitions.default(draft)
  customResourceDefinitions.prepareForCreate(draft, [])
  return foundBy((found) => customResourceDefinitions.validate(draft, found, { nowMs: 0 })).map(
    ({ field, message }) => `${field}: ${message}`,
  )
}

const changedBase = (schema: object, change: (crd: CustomResourceDefinition) => void): CustomResourceDefinition => {
  const crd = base(schema)
  change(crd)
  return crd
}

test('lists and maps that were sent empty are told from absent ones', () => {
  const withStatus = changedBase({ type: 'object', allOf: [], properties: {} }, (crd) => {
    crd.spec.versions[0]!.subresources = { status: {} }
  })
  const [only, ...others] = sent(withStatus)
  assert.deepEqual(others, [])
  assert.match(only!, /"AllOf":\[\],"OneOf":null,.*"Properties":\{\},.*: only \[Description /)
  assert.deepEqual(sent(base(object({ a: { type: 'object', dependencies: {}, definitions: {} } }))), [
    `${ROOT}.properties[a].dependencies: Forbidden: dependencies is not supported`,
  ])
  assert.deepEqual(sent(base(object({ metadata: { type: 'object', required: [] } }))), [
    `${ROOT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
  ])
  assert.deepEqual(sent(base(object({ metadata: { type: 'object', items: [] } }))), [])
  const none = changedBase({}, (crd) => {
    crd.spec.versions = []
  })
  assert.deepEqual(sent(none).slice(0, 1), [
    'spec.versions: Invalid value: []: must have exactly one version marked as storage version',
  ])
  const { versions: _, ...spec } = none.spec
  assert.deepEqual(sent({ ...none, spec: spec as typeof none.spec }).slice(0, 1), [
    'spec.versions: Invalid value: null: must have exactly one version marked as storage version',
  ])
})

test('what no structural schema may hold is looked into all the same', () => {
  const wrong = { type: 'string', uniqueItems: true }
  assert.deepEqual(
    sent(
      base(object({ a: { type: 'array', items: [wrong], definitions: { d: wrong }, dependencies: { e: wrong, f: ['g'] } } })),
    ).filter((each) => each.includes('uniqueItems')),
    ['definitions[d]', 'items[0]', 'dependencies[e]'].map(
      (place) =>
        `${ROOT}.properties[a].${place}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ),
  )
})

test('junctors below the root may speak of fields that are not specified, those of the root may not', () => {
  const junctor = { anyOf: [{ properties: { y: {} }, items: {} }] }
  assert.deepEqual(sent(base(object({ a: object({}, junctor) }))), [])
  assert.deepEqual(sent(base(object({}, junctor))), [
    `${ROOT}.items: Required value: because it is defined in ${ROOT}.anyOf[0].items`,
    `${ROOT}.properties[y]: Required value: because it is defined in ${ROOT}.anyOf[0].properties[y]`,
  ])
  assert.deepEqual(
    sent(base(object({ a: { 'x-kubernetes-int-or-string': true, not: { 'x-kubernetes-list-type': '', default: false } } }))),
    [
      `${ROOT}.properties[a].not.default: Forbidden: must be undefined to be structural`,
      `${ROOT}.properties[a].not.x-kubernetes-list-type: Forbidden: must be undefined to be structural`,
      `${ROOT}.properties[a].not.type: Required value: must be array if x-kubernetes-list-type is specified`,
      `${ROOT}.properties[a].not.x-kubernetes-list-type: Unsupported value: "": supported values: "atomic", "set", "map"`,
    ],
  )
})

test('a default is judged with the metadata in it, as it stands', () => {
  const resource = object({ spec: object({}) }, { 'x-kubernetes-embedded-resource': true })
  const of = (value: unknown, schema: object = resource): string[] =>
    sent(base(object({ a: { ...schema, default: value } }))).map((each) => each.replace(`${ROOT}.properties[a].default`, '$'))
  assert.deepEqual(of({}), ['$.apiVersion: Required value', '$.kind: Required value'])
  assert.deepEqual(
    of({ apiVersion: '', kind: 'a_b', metadata: { namespace: 'A' } }).map((each) => each.split(':')[0]),
    ['$.apiVersion', '$.kind', '$.metadata.namespace'],
  )
  assert.deepEqual(of({ apiVersion: 'v1', kind: 5 }), ['$.kind: Invalid value: 5: must be a string'])
  assert.deepEqual(of({ apiVersion: 'v1', kind: 'A', z: 1, b: 2 }), [
    '$: Invalid value: {"apiVersion":"v1","b":2,"kind":"A","z":1}: must not have unknown fields',
  ])
  const inner = object(
    { metadata: object({ name: { type: 'string', default: 'a/b' } }) },
    { 'x-kubernetes-embedded-resource': true },
  )
  assert.deepEqual(sent(base(object({ a: inner }))), [
    `${ROOT}.properties[a].properties[metadata].properties[name].default: Invalid value: "a/b": must result in valid metadata: metadata.name: Invalid value: "a/b": may not contain '/'`,
  ])
  const numbered = object({ metadata: { type: 'object', default: 5 } }, { 'x-kubernetes-embedded-resource': true })
  assert.deepEqual(sent(base(object({ a: numbered }))), [
    `${ROOT}.properties[a].properties[metadata].default: Invalid value: 5: must result in valid metadata: metadata: Invalid value: 5: json: cannot unmarshal number into Go value of type v1.ObjectMeta`,
  ])
  // What is required is there in the default itself, not by defaults of its own.
  assert.deepEqual(of({}, object({ x: { type: 'integer', default: 1 } }, { required: ['x'] })), ['$.x: Required value'])
})

test('selectable fields are looked up in the schema that stands where they do', () => {
  const two = (change: (versions: CustomResourceDefinition['spec']['versions']) => void): CustomResourceDefinition =>
    changedBase(object({ a: string }), ({ spec }) => {
      spec.versions.push({ ...deepClone(spec.versions[0]!), name: 'v2', storage: false })
      change(spec.versions)
    })
  const differing = two(([first, second]) => {
    first!.selectableFields = second!.selectableFields = [{ jsonPath: '.a' }]
    second!.schema!.openAPIV3Schema!.description = 'another'
  })
  assert.deepEqual(sent(differing), [
    'spec.selectableFields: Invalid value: "": may only be set when validations.schema is included',
  ])
  const own = two(([first]) => {
    first!.selectableFields = [{ jsonPath: '.a' }]
  })
  assert.deepEqual(sent(own), [
    'spec.versions[0].selectableFields: Invalid value: "": may only be set when `version.schema.openAPIV3Schema` is not included',
  ])
})

test('names of versions, of which the first stood beside them once', () => {
  const [first, second, ...rest] = sent(
    changedBase({ type: 'object' }, ({ spec }) => {
      spec.versions[0]!.name = 'V1'
    }),
  )
  assert.match(first!, /^spec\.versions\[0\]\.name: Invalid value: "V1": a DNS-1035 label/)
  assert.match(second!, /^spec\.version: Invalid value: "V1": a DNS-1035 label/)
  assert.deepEqual(rest, [])
})

test('a text behind a pointer is shown as JSON', () => {
  const crd = changedBase({ type: 'object' }, ({ spec }) => {
    spec.versions[0]!.deprecationWarning = '\u0000<'
  })
  assert.deepEqual(sent(crd), [
    'spec.versions[0].deprecationWarning: Invalid value: "\\u0000\\u003c": can only be set for deprecated versions',
  ])
})
