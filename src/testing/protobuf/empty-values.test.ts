import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, decodeProtobuf, encodeProtobuf, protobufMessageOf, schemaOf } from '#api'
import { deepClone, deepEqual, type Random, seededRandom } from '#base'
import { apiVersionOf, conform, deref, isObject, type KubernetesObject, type Schema, StructureError, zeroValue } from '#meta'
import { randomMessage } from './random-message.ts'

const SEEDS_PER_KIND = 6
const read = (document: unknown, type: string): unknown => conform(document, schemaOf(type)).value
const CORE = 'io.k8s.api.core.v1.'

test('what has omitempty and no pointer vanishes when it is empty; pointers stay', () => {
  const container = {
    name: 'a',
    env: [],
    command: [],
    image: '',
    stdin: false,
    tty: true,
    securityContext: {},
    resources: { limits: {}, requests: { cpu: '0' } },
    livenessProbe: { periodSeconds: 0, terminationGracePeriodSeconds: 0, exec: { command: [] } },
    envFrom: [{ prefix: '', configMapRef: { name: '', optional: false } }],
  }
  const kept = {
    name: 'a',
    tty: true,
    securityContext: {},
    resources: { requests: { cpu: '0' } },
    livenessProbe: { terminationGracePeriodSeconds: 0, exec: {} },
    envFrom: [{ configMapRef: { optional: false } }],
  }
  const spec = { containers: [container], nodeSelector: {}, hostNetwork: false, automountServiceAccountToken: false }
  const metadata = { name: 'x', labels: {}, annotations: {}, finalizers: [], generation: 0 }
  assert.deepEqual(read({ metadata, spec }, `${CORE}Pod`), {
    metadata: { name: 'x' },
    spec: { containers: [kept], automountServiceAccountToken: false },
    status: {},
  })
  const scale = { spec: { replicas: 0, minReadySeconds: 0, selector: {}, template: {} } }
  assert.deepEqual(read(scale, 'io.k8s.api.apps.v1.Deployment'), {
    metadata: {},
    spec: { replicas: 0, selector: {}, template: { metadata: {}, spec: { containers: [] } }, strategy: {} },
    status: {},
  })
})

test('what is no pointer and has no omitempty is there whoever left it out, but for what is required', () => {
  assert.deepEqual(read({ spec: { ports: [{ port: 80 }] } }, `${CORE}Service`), {
    metadata: {},
    spec: { ports: [{ port: 80, targetPort: 0 }] },
    status: { loadBalancer: {} },
  })
  assert.deepEqual(read({}, 'io.k8s.api.rbac.v1.ClusterRole'), { metadata: {}, rules: [] })
  assert.deepEqual(read({ resource: 'limits.cpu' }, `${CORE}ResourceFieldSelector`), { resource: 'limits.cpu', divisor: '0' })
  assert.deepEqual(read({ value: 'x' }, `${CORE}EnvVar`), { value: 'x' })
})

test('an item that is null is its type’s empty value', () => {
  const container = { name: 'a', args: [null], env: [null], resources: { limits: { cpu: null } } }
  assert.deepEqual(read(container, `${CORE}Container`), {
    name: 'a',
    args: [''],
    env: [{ name: '' }],
    resources: { limits: { cpu: '0' } },
  })
  const schema = { enum: [null, 'a'], type: 'string' }
  assert.deepEqual(read(schema, 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'), schema)
})

test('a refusal names the field, wherever it is', () => {
  const document = { spec: { containers: [{ name: 'a' }, { env: [{ name: 'x' }, { name: 7 }] }] } }
  assert.throws(() => read(document, `${CORE}Pod`), {
    name: StructureError.name,
    message: 'json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.name of type string',
  })
  const unknown = {
    spec: { containers: [{ name: 'a', also: 1 }], volumes: [{ name: 'v', secret: { also: { a: 1 } } }] },
    more: 1,
  }
  assert.deepEqual(conform(unknown, schemaOf(`${CORE}Pod`)).unknown, [
    'spec.containers[0].also',
    'spec.volumes[0].secret.also',
    'more',
  ])
})

for (const resource of allResources) {
  const apiVersion = apiVersionOf(resource)
  test(`empty values: ${apiVersion} ${resource.kind} reads the same from JSON and through protobuf`, () => {
    const message = protobufMessageOf(apiVersion, resource.kind)!
    const schema = resource.schema()
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const object = { apiVersion, kind: resource.kind, ...randomMessage(message, seed) } as KubernetesObject
        const sent = withEmptyValues(object, schema, seededRandom(seed)) as KubernetesObject
        const value = conform(sent, schema).value as KubernetesObject
        assert.deepEqual(value, conform(object, schema).value, 'empty values make no difference')
        assert.deepEqual(conform(value, schema).value, value, 'what was read once is read the same again')
        assert.deepEqual(decodeProtobuf(encodeProtobuf(value)).object, value, 'what is stored in protobuf is the same')
        assert.deepEqual(conform(decodeProtobuf(encodeProtobuf(sent)).object, schema).value, value)
      }),
      { numRuns: SEEDS_PER_KIND },
    )
  })
}

/** The object with empty values where fields were absent, and without some that are there anyway. */
function withEmptyValues(value: unknown, schema: Schema, random: Random): unknown {
  const node = deref(schema)
  if (Array.isArray(value)) return value.map((item) => withEmptyValues(item, node.items ?? {}, random))
  if (!isObject(value) || node.preserveUnknownFields) return value
  const { properties, additionalProperties } = node
  const result = deepClone(value)
  for (const [name, item] of Object.entries(value)) {
    const child = properties?.[name] ?? additionalProperties
    if (child !== undefined) result[name] = withEmptyValues(item, child, random)
    const isThereAnyway = properties?.[name]?.always && !node.required?.includes(name)
    if (isThereAnyway && deepEqual(item, zeroValue(properties[name]!)) && random.float() < 0.5) delete result[name]
  }
  for (const [name, child] of Object.entries(properties ?? {})) {
    if (child.omitsZero && result[name] === undefined && random.float() < 0.5) result[name] = emptyOf(child)
  }
  return result
}

const emptyOf = ({ type }: Schema): unknown =>
  ({ string: '', boolean: false, integer: 0, number: 0, array: [] as unknown[], object: {} })[type!]
