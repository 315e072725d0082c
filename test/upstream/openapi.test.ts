/**
 * What clients are told of kinds, document against document: custom kinds by the builder of k8s.io/apiextensions-apiserver, built-in ones by the installer of
 * k8s.io/apiserver over the types of k8s.io/api, both in protobuf by gnostic-models, byte for byte.
 *
 * Kept apart, for reasons:
 * - paths of discovery end with a slash, as the published documents of 1.36 have them; with the younger go-restful of unstable they do not;
 * - `info.version`, which is the server's; what APIServices are, whose types are not at hand; where service accounts' keys are told, which is of k8s.io/kubernetes;
 * - upstream's handlers can send parts of a document, and one that is younger than some time (`http.ServeContent`); we send it whole, or 304 by its tag;
 * - definitions of built-in kinds are ours on both sides: published.test.ts holds them against what is published.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import {
  allResources,
  type CustomResourceDefinition,
  customKinds,
  customResourceDefinitions,
  type ResourceDefinition,
  schemaOf,
} from '#api'
import { systemClock } from '#base'
import { crdOf } from '#testing'
import { mergeOpenApiV2 } from '../../src/apiserver/aggregation/merge-openapi.ts'
import { ResourceCatalog } from '../../src/apiserver/catalog.ts'
import { groupsOf } from '../../src/apiserver/discovery.ts'
import { type DocumentInput, openApiV2, openApiV3 } from '../../src/apiserver/openapi/documents.ts'
import { encodeGnosticV2 } from '../../src/apiserver/openapi/gnostic-v2.ts'
import { encodeGnosticV3 } from '../../src/apiserver/openapi/gnostic-v3.ts'
import { OpenApiHandler } from '../../src/apiserver/openapi/index.ts'
import { plainPaths } from '../../src/apiserver/openapi/plain-paths.ts'
import type { Json } from '../../src/apiserver/openapi/schema-json.ts'
import { parseAccept } from '../../src/apiserver/presentation/negotiate.ts'
import { rootSchemas, some, texts } from './custom-schemas.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 1_000)
const peer = new Peer('openapi')
after(() => peer[Symbol.asyncDispose]())

interface Answer {
  readonly error?: string
  readonly document?: Json
  readonly parts?: Readonly<Record<string, Json>>
  readonly protobuf?: string
}

interface Served {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

const ENCODERS = { v2: encodeGnosticV2, v3: encodeGnosticV3 }
/** As a client reads it. */
const asSent = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json

async function sameBytes(document: Json, dialect: 'v2' | 'v3'): Promise<void> {
  const { error, protobuf = '' } = await peer.ask<Answer>({ kind: 'encode', v2: dialect === 'v2', document })
  assert.equal(error, undefined)
  const [ours, theirs] = [Buffer.from(ENCODERS[dialect](document)), Buffer.from(protobuf, 'base64')]
  if (ours.equals(theirs)) return
  const at = ours.findIndex((byte, index) => byte !== theirs[index])
  assert.equal(ours.toString('latin1', at - 40, at + 80), theirs.toString('latin1', at - 40, at + 80), dialect)
}

const common = { named: schemaOf, version: '' }

async function sameAsBuilt(definition: CustomResourceDefinition, version: string): Promise<void> {
  const { status: _, ...read } = customResourceDefinitions.conform!(asSent(definition)).value as CustomResourceDefinition
  const resources = customKinds(read, (objects) => objects).filter((each) => each.version === version)
  const input: DocumentInput = { ...common, resources, plainPaths: [] }
  for (const dialect of ['v3', 'v2'] as const) {
    const ours = dialect === 'v2' ? openApiV2(input) : openApiV3(input)
    const { document: theirs, error } = await peer.ask<Answer>({ kind: 'custom', v2: dialect === 'v2', definition, version })
    assert.equal(error, undefined)
    // The builder says nothing of what it finds no structural schema.
    fc.pre(dialect === 'v2' || hasProperties(theirs!))
    assert.deepEqual(comparable(asSent(ours)), comparable(theirs!), dialect)
    await sameBytes(ours, dialect)
  }
}

const hasProperties = ({ components }: Json): boolean =>
  Object.entries((components as { readonly schemas: Json }).schemas).some(
    ([name, schema]) => !name.startsWith('io.') && !name.endsWith('List') && 'properties' in (schema as Json),
  )

/** Of a document of v2 what a merged one has of it. */
function comparable(document: Json): Json {
  if (document['swagger'] === undefined) return document
  const { paths, parameters, definitions } = document
  const { 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions': _, ...own } = definitions as Json
  return { paths, parameters, definitions: own }
}

const versions = some({
  deprecated: [20, fc.boolean()],
  subresources: [
    60,
    some({
      status: [60, fc.constant({})],
      scale: [60, fc.constant({ specReplicasPath: '.spec.a', statusReplicasPath: '.status.a', labelSelectorPath: '.status.b' })],
    }),
  ],
  selectableFields: [40, fc.constantFrom([{ jsonPath: '.spec.a' }], [{ jsonPath: '.spec.b' }, { jsonPath: '.spec.a' }])],
})
const definitions = fc.record({
  schema: rootSchemas,
  version: versions,
  group: fc.constantFrom('example.com', 'my-group.example.com', 'a.k8s.io', '3d.b', 'x.y.z.example.com'),
  kind: fc.constantFrom('Widget', 'Apple', 'Class', 'Widgets', 'My-Kind', 'U2'),
  scope: fc.constantFrom('Namespaced' as const, 'Cluster' as const),
})

test('custom kinds are told of as upstream does', async () => {
  await fc.assert(
    fc.asyncProperty(definitions, async ({ schema, version, ...more }) => {
      const own = { name: 'v1beta1', schema: { openAPIV3Schema: schema }, ...version }
      const definition = crdOf({ ...more, names: { plural: 'widgets', listKind: `${more.kind}List` }, versions: [own] })
      await sameAsBuilt(definition, 'v1beta1')
    }),
    { numRuns: RUNS / 4 },
  )
})

test('any text is in the YAML of protobuf as upstream has it', async () => {
  const json = fc.jsonValue({ maxDepth: 3 })
  const one = (value: unknown): Json => ({ type: 'object', 'x-a': value, enum: [value], example: value })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(texts, json), { minLength: 1, maxLength: 20 }), async (values) => {
      const schemas = Object.fromEntries(values.map((value, index) => [`a${index}`, one(value)]))
      const info = { title: 'a', version: 'b' }
      await sameBytes({ swagger: '2.0', info, paths: {}, definitions: schemas }, 'v2')
      await sameBytes({ openapi: '3.0.0', info, paths: {}, components: { schemas } }, 'v3')
    }),
    { numRuns: RUNS },
  )
})

const ofTypesAtHand = ({ group }: { readonly group: string }): boolean => group !== 'apiregistration.k8s.io'
const groups = groupsOf(new ResourceCatalog(allResources)).filter(ofTypesAtHand)
const resources = allResources.filter(ofTypesAtHand)
const everything: DocumentInput = {
  ...common,
  resources,
  plainPaths: plainPaths(groups).filter(({ tag }) => tag !== 'WellKnown' && tag !== 'openid'),
}

/** A resource and its subresources, as the peer has them installed. */
function served(resource: ResourceDefinition): object[] {
  const { group, version, kind, listKind, names, verbs, returnsDeleted, subresources } = resource
  const one = { group, version, kind, listKind, namespaced: resource.scope === 'Namespaced', returnsDeleted }
  const readAndWritten = ['get', 'patch', 'update']
  const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
  return [
    { ...one, path: names.plural, verbs },
    ...(subresources.status ? [{ ...one, path: `${names.plural}/status`, verbs: readAndWritten }] : []),
    ...(subresources.scale ? [{ ...one, ...scale, path: `${names.plural}/scale`, verbs: readAndWritten }] : []),
    ...Object.entries(subresources.others).map(([name, { connect, ...other }]) => ({
      ...one,
      ...other,
      path: `${names.plural}/${name}`,
      ...(connect && { connect: connect.map((method) => method.toUpperCase()), verbs: ['connect'] }),
    })),
  ]
}

const installed = groups.flatMap(({ group, versions: all }) =>
  all.map((version) => ({
    group,
    version,
    resources: resources.filter((each) => each.group === group && each.version === version).flatMap(served),
  })),
)

const GVKS = 'x-kubernetes-group-version-kind'
const PLAIN = /^\/(?:version|apis?|api\/[^/]+|apis\/[^/]+(?:\/[^/]+)?)$/
const withSlashes = (paths: unknown): Json =>
  Object.fromEntries(Object.entries(paths as Json).map(([path, item]) => [PLAIN.test(path) ? `${path}/` : path, item]))

test('whatever can be done with built-in kinds is told as upstream does, in OpenAPI v2', async () => {
  const ours = openApiV2(everything)
  const { document } = await peer.ask<Answer>({ kind: 'install', v2: true, groups: installed, definitions: ours['definitions'] })
  const theirs: Json = { ...document, paths: withSlashes(document!['paths']), info: ours['info'] }
  assert.deepEqual(asSent(ours), theirs)
  await sameBytes(ours, 'v2')
})

test('and in every document of OpenAPI v3', async () => {
  // With the names of all groups, as upstream's installer has them before it tells in each document only of its own.
  const all = (openApiV3(everything)['components'] as { readonly schemas: Record<string, Json> }).schemas
  const whole = openApiV2(everything)['definitions'] as Record<string, Json>
  for (const name of ['DeleteOptions', 'WatchEvent'].map((kind) => `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`))
    all[name] = { ...all[name], [GVKS]: whole[name]![GVKS] }
  const { parts = {} } = await peer.ask<Answer>({ kind: 'install', v2: false, groups: installed, definitions: all })
  const compared = Object.entries(parts).map(async ([name, document]) => {
    const [, group = '', version] = /^apis?\/?([^/]*)\/?(v\w+)?$/.exec(name) ?? []
    const own = name.startsWith('api/') ? { group: '', version: name.slice(4) } : { group, version }
    const plain = everything.plainPaths.filter((each) => each.document === name)
    const kinds = resources.filter((each) => each.group === own.group && each.version === own.version)
    const ours = openApiV3({ ...everything, resources: kinds, plainPaths: plain })
    assert.deepEqual(asSent(ours), { ...document, paths: withSlashes(document['paths']), info: ours['info'] }, name)
    await sameBytes(ours, 'v3')
  })
  await Promise.all(compared)
  assert.ok(compared.length > 40, String(compared.length))
})

const OLD = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
const NEW = OLD.replace('v2', 'v3')
const range = fc.constantFrom(
  ...[OLD, NEW, OLD.replace('.v1', '@v1'), NEW.replace('.v1', '@v1'), 'application/json', 'application/*', '*/*', '*'],
  ...['*/json', 'text/html', 'application/yaml', 'APPLICATION/JSON', 'text/*', 'application/', ''],
)
const clause = fc
  .tuple(range, fc.constantFrom('', ';q=0.1', ';q=0', ';charset=utf-8', '; as=Table'))
  .map((parts) => parts.join(''))
const accepted = fc.oneof(
  clause,
  fc.array(clause, { maxLength: 3 }).map((clauses) => clauses.join(', ')),
)
const PART = '/openapi/v3/apis/example.com/v1'
const served3 = customKinds(crdOf(), (objects) => objects)
const documents = new OpenApiHandler({ catalog: new ResourceCatalog(served3), clock: systemClock, version: '' })

test('documents are served in the form that upstream chooses', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('/openapi/v2', PART, `${PART}?hash=0`), accepted, async (target, accept) => {
      // Upstream's answer to nothing that could be understood is an empty 200 there.
      fc.pre(target === '/openapi/v2' || parseAccept(accept || '*/*').length > 0)
      const theirs = await peer.ask<Served>({ kind: 'serve', method: 'GET', target, headers: { Accept: accept } })
      const [path = '', query = ''] = target.split('?')
      const ours = documents.serve(path, { method: 'GET', path, query: new URLSearchParams(query), headers: { accept } })!
      const told = ['Content-Type', 'Vary', 'Cache-Control'].map((header) => theirs.headers[header])
      assert.deepEqual(
        [ours.status, ...['content-type', 'vary', 'cache-control'].map((header) => ours.headers[header])],
        [theirs.status, ...told],
      )
      assert.deepEqual(
        ['etag' in ours.headers, 'location' in ours.headers],
        ['Etag' in theirs.headers, 'Location' in theirs.headers],
      )
      assert.equal(ours.body.kind === 'none', !theirs.body)
    }),
    { numRuns: RUNS },
  )
})

const name = fc.constantFrom('A', 'B', 'C', 'A_v2')
const reference = (shared: string): fc.Arbitrary<Json> => name.map((each) => ({ $ref: `#/${shared}/${each}` }))
const gvk = fc.record({ group: fc.constantFrom('', 'a', 'b'), kind: name, version: fc.constant('v1') })
const definition = some({
  description: [50, fc.constantFrom('a', 'b')],
  properties: [40, fc.dictionary(fc.constantFrom('x', 'y'), reference('definitions'), { minKeys: 1, maxKeys: 2 })],
  items: [10, reference('definitions')],
  // Without any upstream's merge panics.
  'x-kubernetes-group-version-kind': [
    100,
    fc.uniqueArray(gvk, { minLength: 1, maxLength: 2, selector: (each) => JSON.stringify(each) }),
  ],
  'x-a': [20, fc.constantFrom('a', 'b')],
})
const parameter = some({ description: [50, fc.constantFrom('a', 'b')] }).map((more) => ({ name: 'a', in: 'query', ...more }))
const item = fc
  .tuple(reference('parameters'), reference('definitions'))
  .map(([own, schema]) => ({ get: { parameters: [own], responses: { '200': { description: 'OK', schema } } } }))
const swagger = fc
  .record({
    paths: fc.dictionary(fc.constantFrom('/apis/a/', '/apis/b/', '/apis/c/', '/version/'), item, { maxKeys: 3 }),
    definitions: fc.dictionary(name, definition, { maxKeys: 4 }),
    parameters: fc.dictionary(name, parameter, { maxKeys: 3 }),
  })
  .map((document) => asSent({ swagger: '2.0', info: { title: 'a', version: 'b' }, ...document }))

/** Empty maps are none. */
const withoutEmpties = (document: Json): Json =>
  Object.fromEntries(Object.entries(document).filter(([, value]) => Object.keys(value as object).length > 0))

test('documents of two servers are merged as upstream does', async () => {
  await fc.assert(
    fc.asyncProperty(swagger, swagger, async (first, other) => {
      const { document, error } = await peer.ask<Answer>({ kind: 'merge', first, other })
      assert.equal(error, undefined)
      assert.deepEqual(withoutEmpties(mergeOpenApiV2(first, other)), withoutEmpties(document!))
    }),
    { numRuns: RUNS },
  )
})
