import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources, schemaOf } from '#api'
import { openApiV2, openApiV3 } from './documents.ts'
import type { Json } from './schema-json.ts'

const input = { named: schemaOf, version: 'v1.36.4', resources: allResources, plainPaths: [] }
const v2 = openApiV2(input) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
  readonly parameters: Json
}
const PODS = '/api/v1/namespaces/{namespace}/pods'

test('what each operation does is said in upstream words', () => {
  const said: Readonly<Record<string, readonly [description: string, id: string]>> = {
    [`get ${PODS}`]: ['list or watch objects of kind Pod', 'listCoreV1NamespacedPod'],
    'get /api/v1/componentstatuses': ['list objects of kind ComponentStatus', 'listCoreV1ComponentStatus'],
    [`post ${PODS}`]: ['create a Pod', 'createCoreV1NamespacedPod'],
    'post /apis/networking.k8s.io/v1/ingressclasses': ['create an IngressClass', 'createNetworkingV1IngressClass'],
    'delete /api/v1/namespaces/{namespace}/endpoints/{name}': ['delete Endpoints', 'deleteCoreV1NamespacedEndpoints'],
    [`delete ${PODS}`]: ['delete collection of Pod', 'deleteCoreV1CollectionNamespacedPod'],
    [`get ${PODS}/{name}/log`]: ['read log of the specified Pod', 'readCoreV1NamespacedPodLog'],
    [`put ${PODS}/{name}/status`]: ['replace status of the specified Pod', 'replaceCoreV1NamespacedPodStatus'],
    [`patch ${PODS}/{name}/resize`]: ['partially update resize of the specified Pod', 'patchCoreV1NamespacedPodResize'],
    [`post ${PODS}/{name}/eviction`]: ['create eviction of a Pod', 'createCoreV1NamespacedPodEviction'],
    'get /api/v1/nodes/{name}/proxy/{path}': ['connect GET requests to proxy of Node', 'connectCoreV1GetNodeProxyWithPath'],
    'get /api/v1/watch/nodes': [
      "watch individual changes to a list of Node. deprecated: use the 'watch' parameter with a list operation instead.",
      'watchCoreV1NodeList',
    ],
  }
  for (const [operation, [description, id]] of Object.entries(said)) {
    const [method = '', path = ''] = operation.split(' ')
    const { description: ours, operationId } = v2.paths[path]![method]!
    assert.deepEqual([ours, operationId], [description, id], operation)
  }
})

const refs = (parameters: unknown): unknown[] => (parameters as Json[]).map(({ $ref, name }) => $ref ?? name)

test('parameters that many operations have are defined once, by the names that upstream gives them', () => {
  const { parameters, post, delete: deletion } = v2.paths[PODS]!
  assert.deepEqual(refs(parameters), ['#/parameters/namespace-vgWSWtn3', '#/parameters/pretty-tJGM1-ng'])
  // Clients before 1.27 look for two of them.
  assert.deepEqual(refs(post!['parameters']), ['body', 'dryRun', '#/parameters/fieldManager-Qy4HdaTW', 'fieldValidation'])
  assert.deepEqual(refs(deletion!['parameters']).slice(0, 3), [
    '#/parameters/body-2Y1dVQaQ',
    '#/parameters/continue-QfD61s0i',
    'dryRun',
  ])
  assert.deepEqual(v2.parameters['namespace-vgWSWtn3'], {
    name: 'namespace',
    in: 'path',
    description: 'object name and auth scope, such as for teams and projects',
    required: true,
    type: 'string',
    uniqueItems: true,
  })
  const scale = v2.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale']!['parameters'] as unknown as Json[]
  assert.equal(scale[0]!['description'], 'name of the Scale')
})

test('a document of v3 has its parameters in place, no security, and only what its group knows', () => {
  const resources = allResources.filter(({ group }) => group === 'apps')
  const document = openApiV3({ ...input, resources })
  assert.deepEqual(Object.keys(document), ['openapi', 'info', 'paths', 'components'])
  const item = (document['paths'] as Json)['/apis/apps/v1/namespaces/{namespace}/deployments'] as Json
  assert.deepEqual(refs(item['parameters']), ['namespace', 'pretty'])
  const { schemas } = document['components'] as { readonly schemas: Record<string, Json> }
  for (const kind of ['DeleteOptions', 'WatchEvent']) {
    const gvks = schemas[`io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`]!['x-kubernetes-group-version-kind']
    assert.deepEqual(gvks, [
      { group: '', kind, version: 'v1' },
      { group: 'apps', kind, version: 'v1' },
    ])
  }
  const reviews = openApiV3({ ...input, resources: allResources.filter(({ group }) => group === 'authentication.k8s.io') })
  const names = Object.keys((reviews['components'] as { readonly schemas: Json }).schemas)
  assert.ok(!names.includes('io.k8s.apimachinery.pkg.apis.meta.v1.Patch'), 'nothing there can be patched')
})
