import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { allResources, schemaOf } from '#api'
import { ResourceCatalog } from '../catalog.ts'
import { groupsOf } from '../discovery.ts'
import { openApiV2, openApiV3 } from './documents.ts'
import { plainPaths } from './plain-paths.ts'
import type { Json } from './schema-json.ts'

/** Everything in which what is served differs from what is published for 1.36, with the reason. Whatever is not here must be the same. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'definitions io.k8s.apimachinery.pkg.apis.meta.v1.GroupResource': 'only beta kinds (StorageVersionMigration) refer to it',
  'paths get /apis/internal.apiserver.k8s.io/': 'the group has alpha versions only, which are off',
  'paths get /apis/storagemigration.k8s.io/': 'the group has beta versions only, which are off',
  'paths get /logs/': "the machine's log directory is not served: kubelets give logs out, to those who may read them",
  'paths get /logs/{logpath}': 'as /logs/',
  'patch types application/apply-patch+cbor': 'CBOR is an alpha form, off in upstream too, and refused with 415',
}

interface Fact extends Json {
  readonly properties?: Readonly<Record<string, Fact>>
}

const read = <T>(name: string): T => JSON.parse(readFileSync(join(import.meta.dirname, '../../../tools/data', name), 'utf8')) as T
const BETA = /\bv\d+(alpha|beta)\d+\b/
const published = Object.fromEntries(
  Object.entries(read<Record<string, Fact>>('openapi-extensions.json')).filter(([name]) => !BETA.test(name)),
)
const presence = read<Record<string, Record<string, string>>>('json-presence.json')
const messages = read<Record<string, Record<string, readonly unknown[]>>>('protobuf-fields.json')
const facts = read<Resources>('resources.json')

interface Resources {
  readonly query: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly patchTypes: readonly string[]
  readonly nonResourcePaths: Readonly<Record<string, readonly string[]>>
  readonly resources: readonly ResourceFact[]
}

interface ResourceFact {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  readonly type: string
  readonly verbs: readonly string[]
  readonly subresources?: Readonly<Record<string, SubresourceFact>>
}

interface SubresourceFact {
  readonly verbs: readonly string[]
  readonly connect?: readonly string[]
  readonly pathSuffix?: boolean
  readonly query?: Readonly<Record<string, string>>
}

const groups = groupsOf(new ResourceCatalog(allResources))
const common = { named: schemaOf, version: 'v1.36.0' }
const v2 = openApiV2({ ...common, resources: allResources, plainPaths: plainPaths(groups) })
const v3 = groups.flatMap(({ group, versions }) =>
  versions.map((version) =>
    openApiV3({
      ...common,
      resources: allResources.filter((each) => each.group === group && each.version === version),
      plainPaths: plainPaths(groups).filter(({ path }) => path === `/${group === '' ? 'api' : `apis/${group}`}/${version}/`),
    }),
  ),
)

const EXTENSIONS = ['list-type', 'list-map-keys', 'map-type', 'patch-strategy', 'patch-merge-key', 'unions']
const NAMED = new Set([
  'description',
  'properties',
  'items',
  'additionalProperties',
  '$ref',
  'allOf',
  'oneOf',
  'x-kubernetes-group-version-kind',
])

/** A published node in one form; with `initial`, what OpenAPI v3 says besides. */
function expected(fact: Fact, dialect: 'v2' | 'v3', initial?: unknown): Json {
  const out: Json = {}
  if (fact['$ref'] !== undefined) out['$ref'] = fact['$ref']
  for (const key of ['type', 'format', ...EXTENSIONS]) if (fact[key] !== undefined) out[key] = fact[key]
  if (fact['required'] !== undefined) out['required'] = [...(fact['required'] as string[])].sort()
  // The published snapshot of v2 is made without enums; a server has them in both.
  if (fact['enum'] !== undefined) out['enum'] = fact['enum']
  if (dialect === 'v3') {
    const value = fact['default'] ?? initial
    if (value !== undefined) out['default'] = value
    // A number or text has two types there.
    if (fact['format'] === 'int-or-string') delete out['type']
  }
  for (const key of ['items', 'additionalProperties'] as const) {
    const child = fact[key] as Fact | undefined
    if (child !== undefined) out[key] = expected(child, dialect, zeroOf(child))
  }
  return out
}

function expectedDefinition(name: string, dialect: 'v2' | 'v3'): Json {
  const fact = published[name]!
  const properties = Object.entries(fact.properties ?? {}).map(([key, property]) => [
    key,
    expected(property, dialect, isPointer(name, key, property) ? undefined : zeroOf(property)),
  ])
  const gvk = (fact['gvk'] as string[][] | undefined)?.map((each) => each.join('/')).sort()
  return {
    ...expected(fact, dialect),
    ...(fact.properties !== undefined && { properties: Object.fromEntries(properties.sort()) }),
    ...(gvk && { gvk }),
  }
}

/** The zero value of what is no pointer: of a scalar, or of a struct that is one in JSON, too. */
function zeroOf(fact: Fact): unknown {
  if (fact['$ref'] !== undefined) return published[fact['$ref'] as string]?.properties === undefined ? undefined : {}
  return { string: '', boolean: false, integer: 0, number: 0 }[fact['type'] as string]
}

/** Whether Go leaves the field out: a pointer, or a scalar with omitempty. */
function isPointer(type: string, key: string, property: Fact): boolean {
  if (key === 'apiVersion' || key === 'kind') if (!(key in (messages[type] ?? {}))) return true
  const flags = flagsOf(type, key) ?? ''
  return flags.includes('p') || (property['$ref'] === undefined && flags.includes('o'))
}

function flagsOf(type: string, key: string): string | undefined {
  const own = presence[type]?.[key]
  if (own !== undefined || key in (messages[type] ?? {})) return own
  const bringer = inlinedIn(type).find((inlined) => brings(inlined, key))
  return bringer === undefined ? undefined : flagsOf(bringer, key)
}

const inlinedIn = (type: string): string[] =>
  Object.values(messages[type] ?? {}).flatMap(([, inlined, ...rest]) => (rest.includes('inline') ? [String(inlined)] : []))

/** A struct may be inlined in one that is inlined itself. */
const brings = (type: string, key: string): boolean =>
  key in (messages[type] ?? {}) || inlinedIn(type).some((inlined) => brings(inlined, key))

/** A served node in the same form; anything that is not expected at all stays under its own name. */
function served(node: Json): Json {
  const out: Json = {}
  const [only] = (node['allOf'] ?? []) as Json[]
  const ref = (node['$ref'] ?? only?.['$ref']) as string | undefined
  if (ref !== undefined) out['$ref'] = ref.replace(/^#\/(definitions|components\/schemas)\//, '')
  for (const [key, value] of Object.entries(node)) {
    if (!NAMED.has(key)) out[key.replace('x-kubernetes-', '')] = key === 'required' ? [...(value as string[])].sort() : value
  }
  for (const key of ['items', 'additionalProperties']) if (node[key] !== undefined) out[key] = served(node[key] as Json)
  if (node['properties'] !== undefined) {
    const properties = Object.entries(node['properties'] as Record<string, Json>)
    out['properties'] = Object.fromEntries(properties.map(([key, value]) => [key, served(value)]).sort())
  }
  const gvk = node['x-kubernetes-group-version-kind'] as { group: string; version: string; kind: string }[] | undefined
  if (gvk !== undefined) out['gvk'] = gvk.map(({ group, version, kind }) => [group, version, kind].join('/')).sort()
  return out
}

const unlisted = (differences: readonly string[]): string[] => differences.filter((each) => !(each in DIFFERENCES))

test('OpenAPI v2 defines what is published, and nothing else', () => {
  const definitions = v2['definitions'] as Record<string, Json>
  const names = new Set([...Object.keys(published), ...Object.keys(definitions)])
  const different = [...names]
    .filter((name) => !(name in published) || !(name in definitions))
    .map((name) => `definitions ${name}`)
  assert.deepEqual(unlisted(different), [])
  for (const [name, definition] of Object.entries(definitions))
    assert.deepEqual(served(definition), expectedDefinition(name, 'v2'), name)
})

/** What is registered in every group is told to be in the document's own, and in the first one. */
function toldIn({ paths }: Json, definition: Json): Json {
  const gvk = definition['gvk'] as readonly string[] | undefined
  if (gvk === undefined || !/\/(DeleteOptions|WatchEvent)$/.test(gvk[0]!)) return definition
  const [, group, version] = /^\/apis?\/(?:([^/]+)\/)?([^/]+)\//.exec(Object.keys(paths as Json)[0]!)!
  const isTold = (each: string): boolean => each.startsWith(`${group ?? ''}/${version}/`) || each.startsWith('/v1/')
  return { ...definition, gvk: gvk.filter(isTold) }
}

test('OpenAPI v3 defines the same, with defaults', () => {
  const seen = new Set<string>()
  for (const document of v3) {
    const { schemas } = document['components'] as { schemas: Record<string, Json> }
    for (const [name, definition] of Object.entries(schemas)) {
      seen.add(name)
      assert.deepEqual(served(definition), toldIn(document, expectedDefinition(name, 'v3')), name)
    }
  }
  // Those of the documents about the API are in documents of their own.
  const missing = Object.keys(v2['definitions'] as Json).filter(
    (name) => !seen.has(name) && !/\.(API\w+|GroupVersionForDiscovery|ServerAddressByClientCIDR|Info)$/.test(name),
  )
  assert.deepEqual(missing, [])
})

const METHODS: Readonly<Record<string, string>> = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
}

type Query = Readonly<Record<string, string>>

/** Every published operation of GA versions by method and path, with its query parameters. */
function publishedOperations(): Map<string, Query> {
  const found = new Map<string, Query>()
  for (const [path, methods] of Object.entries(facts.nonResourcePaths)) {
    if (!BETA.test(path)) for (const method of methods) found.set(`${method.toLowerCase()} ${path}`, {})
  }
  for (const resource of facts.resources) if (!BETA.test(resource.version)) operationsOfFact(resource, found)
  return found
}

function operationsOfFact(
  { group, version, plural, namespaced, verbs, subresources }: ResourceFact,
  found: Map<string, Query>,
): void {
  const root = `${group === '' ? '/api/' : `/apis/${group}/`}${version}`
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`
  const item = `${collection}/{name}`
  for (const verb of verbs) {
    const path = ['get', 'update', 'patch', 'delete'].includes(verb) ? item : collection
    if (verb !== 'watch') found.set(`${METHODS[verb]} ${path}`, facts.query[verb]!)
  }
  if (namespaced && verbs.includes('list')) found.set(`get ${root}/${plural}`, facts.query['list']!)
  if (verbs.includes('watch')) {
    const below = namespaced
      ? [`/namespaces/{namespace}/${plural}`, `/namespaces/{namespace}/${plural}/{name}`]
      : [`/${plural}/{name}`]
    for (const path of [`/${plural}`, ...below]) found.set(`get ${root}/watch${path}`, facts.query['list']!)
  }
  for (const [name, fact] of Object.entries(subresources ?? {})) {
    for (const path of fact.pathSuffix ? [`${item}/${name}`, `${item}/${name}/{path}`] : [`${item}/${name}`]) {
      if (fact.connect !== undefined)
        for (const method of fact.connect) found.set(`${method.toLowerCase()} ${path}`, fact.query ?? {})
      else for (const verb of fact.verbs) found.set(`${METHODS[verb]} ${path}`, { ...facts.query[verb], ...fact.query })
    }
  }
}

/** With the parameters of its path among those of each operation, and none referred to. */
function servedOperations(document: Json): Map<string, Json> {
  const paths = Object.entries(document['paths'] as Record<string, Json>)
  const shared = document['parameters'] as Record<string, Json>
  const resolved = ({ parameters = [] }: Json): Json[] =>
    (parameters as Json[]).map((each) =>
      each['$ref'] === undefined ? each : shared[String(each['$ref']).replace('#/parameters/', '')]!,
    )
  return new Map(
    paths.flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, operation]): [string, Json][] => {
        const parameters = [...resolved(item), ...resolved(operation as Json)]
        return method === 'parameters' ? [] : [[`${method} ${path}`, { ...(operation as Json), parameters }]]
      }),
    ),
  )
}

function queryOf(operation: Json): Query {
  const parameters = ((operation['parameters'] ?? []) as Json[]).filter((each) => each['in'] === 'query')
  const typeOf = (each: Json): unknown => each['type'] ?? (each['schema'] as Json)['type']
  return Object.fromEntries(parameters.map((each) => [each['name'], typeOf(each)]).sort())
}

for (const [dialect, operations] of [
  ['v2', servedOperations(v2)],
  ['v3', new Map(v3.flatMap((document) => [...servedOperations(document)]))],
] as const) {
  test(`OpenAPI ${dialect} has the published paths, methods and query parameters of every GA version`, () => {
    const expectedOperations = publishedOperations()
    const keys = new Set([...expectedOperations.keys(), ...operations.keys()])
    const different = [...keys].filter((key) => !expectedOperations.has(key) || !operations.has(key))
    // Paths about the API above a version are in documents of their own in v3.
    const here =
      dialect === 'v2'
        ? different
        : different.filter((key) => !/^get \/(apis?\/([^/]+\/)?|version\/|openid\/.*|\.well-known\/.*)$/.test(key))
    assert.deepEqual(unlisted(here.map((key) => `paths ${key}`)), [])
    for (const [key, operation] of operations) {
      assert.deepEqual(queryOf(operation), Object.fromEntries(Object.entries(expectedOperations.get(key)!).sort()), key)
    }
  })
}

test('every operation has an id of its own, and patches the published media types', () => {
  const operations = [...servedOperations(v2).values()]
  assert.equal(new Set(operations.map((each) => each['operationId'])).size, operations.length)
  const patch = servedOperations(v2).get('patch /api/v1/namespaces/{namespace}/pods/{name}')!
  const different = facts.patchTypes
    .filter((type) => !(patch['consumes'] as string[]).includes(type))
    .map((type) => `patch types ${type}`)
  assert.deepEqual(unlisted(different), [])
})

test('every listed difference is one', () => {
  const definitions = Object.keys(published).map((name) => `definitions ${name}`)
  const paths = [...publishedOperations().keys()].map((key) => `paths ${key}`)
  const types = facts.patchTypes.map((type) => `patch types ${type}`)
  const known = new Set([...definitions, ...paths, ...types])
  const [names, operations] = [v2['definitions'] as Json, servedOperations(v2)]
  for (const difference of Object.keys(DIFFERENCES)) {
    assert.ok(known.has(difference), `${difference} is not published`)
    const [, name = ''] = /^(?:definitions|paths|patch types) (.*)$/.exec(difference) ?? []
    assert.ok(!(name in names) && !operations.has(name), `${difference} is served`)
  }
})

test('no list of parameters is empty', () => {
  for (const document of [v2, ...v3])
    for (const [path, item] of Object.entries(document['paths'] as Json))
      for (const each of [item, ...Object.values(item as Json)] as Json[]) assert.notDeepEqual(each['parameters'], [], path)
})
