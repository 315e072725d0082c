import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { conform, decodeText, deref, fillRequired, isObject, type Schema } from '#meta'
import { schemaOf } from '../../src/api/schemas.ts'
import { Peer } from './peer.ts'

/*
 * Left out: what is read where lists stand twice within lists that stand twice, or open JSON does, since Go finds what it left in memory before; integers past 2^53, which
 * we refuse in typed fields, since the server computes with numbers. A list, a map or bytes that nobody has set is null in Go, and empty or absent here.
 */

interface Answer {
  readonly error?: string
  readonly kind?: string
  readonly strict?: readonly string[]
  readonly value?: unknown
}

const RUNS = Number(process.env.T8S_RUNS ?? 5_000)
const KINDS: readonly (readonly [kind: string, definition: string])[] = [
  ['Pod', 'core.v1'],
  ['Service', 'core.v1'],
  ['ConfigMap', 'core.v1'],
  ['Secret', 'core.v1'],
  ['Node', 'core.v1'],
  ['PersistentVolumeClaim', 'core.v1'],
  ['PersistentVolume', 'core.v1'],
  ['Event', 'core.v1'],
  ['ResourceQuota', 'core.v1'],
  ['Deployment', 'apps.v1'],
  ['StatefulSet', 'apps.v1'],
  ['CronJob', 'batch.v1'],
  ['HorizontalPodAutoscaler', 'autoscaling.v2'],
  ['Ingress', 'networking.v1'],
  ['NetworkPolicy', 'networking.v1'],
  ['ClusterRole', 'rbac.v1'],
  ['ValidatingWebhookConfiguration', 'admissionregistration.v1'],
  ['CertificateSigningRequest', 'certificates.v1'],
  ['Lease', 'coordination.v1'],
  ['ResourceClaim', 'resource.v1'],
  ['StorageClass', 'storage.v1'],
  ['CSIStorageCapacity', 'storage.v1'],
]
const DOMAINS: Readonly<Record<string, string>> = {
  core: '',
  rbac: 'rbac.authorization.k8s.io',
  networking: 'networking.k8s.io',
  admissionregistration: 'admissionregistration.k8s.io',
  certificates: 'certificates.k8s.io',
  coordination: 'coordination.k8s.io',
  resource: 'resource.k8s.io',
  storage: 'storage.k8s.io',
}

/** Texts of values: of no type in particular, or of one. */
const stray = fc.constantFrom(
  'null',
  '1',
  '-3',
  '1.0',
  '1.5',
  '1e3',
  '""',
  '"x"',
  'true',
  'false',
  '[]',
  '{}',
  '{"a":1}',
  '[1]',
  '["a"]',
  '99999999999',
)
const plain: Readonly<Record<string, fc.Arbitrary<string>>> = {
  string: fc.constantFrom('""', '"a"', '"b c"', '"é\\n"', '"\\ud800x"', '"\\ud83d\\ude00"', '"<&>"'),
  integer: fc.constantFrom('0', '1', '-1', '2147483647', '2147483648', '-0', '1.0', '1e2', '0.5'),
  number: fc.constantFrom('0', '1.5', '1e2', '-7', '1e400'),
  boolean: fc.constantFrom('true', 'false'),
}
const bytes = fc.constantFrom(
  '""',
  '"YQ=="',
  '"YQ"',
  '"YR=="',
  '"YWI="',
  '"YWJj\\n"',
  '"Y Q="',
  '"===="',
  '"YQ==YQ=="',
  '"YWJjZA="',
)
const time = fc.constantFrom(
  '"2024-01-02T03:04:05Z"',
  '"2024-01-02T03:04:05.678901Z"',
  '"2024-01-02T03:04:05+02:00"',
  '"soon"',
  '1',
)
const quantity = fc.constantFrom('"1"', '"100m"', '1', '1.5', '"1e3"', '"x"', '"0.1Gi"', 'true')
const intOrString = fc.constantFrom('1', '"80%"', '"http"', '1.5', 'true', '4294967296', '1e1')

function textOf(schema: Schema, depth: number): fc.Arbitrary<string> {
  const right = rightValue(deref(schema), depth)
  return fc.oneof(
    { weight: 14, arbitrary: right },
    { weight: 1, arbitrary: stray },
    { weight: 1, arbitrary: fc.constant('null') },
  )
}

function rightValue(node: Schema, depth: number): fc.Arbitrary<string> {
  const { name = '', type, format, properties, items, additionalProperties } = node
  if (name.endsWith('.Quantity')) return quantity
  if (node.intOrString) return intOrString
  if (/\.(Micro)?Time$/.test(name)) return time
  if (type === 'array')
    return depth === 0
      ? fc.constant('[]')
      : fc.array(textOf(items ?? {}, depth - 1), { maxLength: 3 }).map((all) => `[${all.join(',')}]`)
  if (properties !== undefined) return depth === 0 ? fc.constant('{}') : structOf(properties, depth)
  if (type === 'object' && !node.preserveUnknownFields) return mapOf(additionalProperties, depth)
  if (format === 'byte') return bytes
  return plain[type ?? ''] ?? stray
}

function structOf(properties: Readonly<Record<string, Schema>>, depth: number): fc.Arbitrary<string> {
  const names = Object.keys(properties).filter((name) => depth < DEPTH || (name !== 'kind' && name !== 'apiVersion'))
  const known = fc.constantFrom(...names).chain((name) => fc.tuple(fc.constant(name), textOf(properties[name]!, depth - 1)))
  const strange = fc.tuple(fc.constantFrom('Spec', 'é', 'x', '1', 'nAme'), stray)
  return fc
    .array(fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: strange }), { maxLength: 5 })
    .map((all) => `{${all.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(' ,')}}`)
}

const mapOf = (item: Schema | undefined, depth: number): fc.Arbitrary<string> =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom('a', 'b', '2', '1', '__proto__', 'x.io/y'),
        item === undefined || depth === 0 ? plain['string']! : textOf(item, depth - 1),
      ),
      { maxLength: 3 },
    )
    .map((all) => `{${all.map(([key, value]) => `"${key}":${value}`).join(',')}}`)

const DEPTH = 9

interface Read {
  readonly error?: string
  readonly strict?: readonly string[]
  readonly value?: unknown
}

async function read(body: Buffer, schema: Schema, form: 'json' | 'yaml'): Promise<Read> {
  try {
    const { value, oddities, duplicates } = await decodeText(body, form)
    const structure = conform(value ?? {}, schema, { oddities })
    if (isObject(structure.value)) fillRequired(structure.value, schema)
    const strict = [...(form === 'yaml' ? duplicates() : []), ...(structure.findings ?? [])]
    return { ...(strict.length > 0 && { strict }), value: JSON.parse(JSON.stringify(structure.value)) }
  } catch (error) {
    return { error: (error as Error).message }
  }
}

/** Go shows a list, a map or bytes that nobody has set as null: ours are empty, or absent. */
function withoutNulls(theirs: unknown, ours: unknown): unknown {
  if (Array.isArray(theirs)) return theirs.map((item, index) => withoutNulls(item, (ours as unknown[] | undefined)?.[index]))
  if (!isObject(theirs)) return theirs
  const other = isObject(ours) ? ours : {}
  const entries = Object.entries(theirs).flatMap(([key, value]): [string, unknown][] => {
    if (value !== null) return [[key, withoutNulls(value, other[key])]]
    return isEmpty(other[key]) ? (Object.hasOwn(other, key) ? [[key, other[key]]] : []) : [[key, null]]
  })
  return Object.fromEntries(entries)
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)

for (const [kind, place] of KINDS) {
  const [group = '', version = ''] = place.split('.')
  test(`JSON of a ${kind} is read, refused and found fault with as by upstream`, async () => {
    await using peer = new Peer('decode')
    const schema = schemaOf(`io.k8s.api.${place}.${kind}`)
    await fc.assert(
      fc.asyncProperty(rightValue(deref(schema), DEPTH), async (text) => {
        const body = Buffer.from(text)
        const asked = { Group: DOMAINS[group] ?? group, Version: version, Kind: kind, body: body.toString('base64') }
        const { kind: _, ...theirs } = await peer.ask<Answer>(asked)
        const ours = await read(body, schema, 'json')
        const repeated = (theirs.strict ?? []).filter((each) => each.startsWith('duplicate')).length
        const isChance = theirs.value !== undefined && (repeated > 1 || (repeated === 1 && /"parameters"|null/.test(text)))
        const value = isChance ? ours.value : withoutNulls(theirs.value, ours.value)
        assert.deepEqual(ours, { ...theirs, ...(theirs.value !== undefined && { value }) })
      }),
      { numRuns: RUNS },
    )
  })
}
