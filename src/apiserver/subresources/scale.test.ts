import assert from 'node:assert/strict'
import test from 'node:test'
import { type Deployment, deployments } from '#api'
import type { Client } from '#client'
import { crdOf, establish, startTestApiServer } from '#testing'

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'

interface Table {
  readonly kind: string
  readonly metadata: object
  readonly columnDefinitions: readonly { readonly name: string; readonly type: string; readonly description: string }[]
  readonly rows: readonly { readonly cells: readonly unknown[]; readonly object: { readonly kind: string } }[]
}

async function tableAt(client: Client, path: string): Promise<Table> {
  const { body } = await client.request({ method: 'GET', path, headers: { accept: TABLE } })
  assert.equal(body.kind, 'object')
  return body.object as Table
}

const web = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'example.com/web' }] } },
  },
} as Deployment

test('the scale of an object is printed as a table of how many are wanted and there', async () => {
  await using api = await startTestApiServer()
  const { metadata } = await api.client.create(deployments, web)
  const table = await tableAt(api.client, '/apis/apps/v1/namespaces/default/deployments/web/scale')
  assert.deepEqual(table.metadata, { resourceVersion: metadata!.resourceVersion })
  assert.deepEqual(
    table.columnDefinitions.map(({ name, type }) => `${name} ${type}`),
    ['Name string', 'Desired integer', 'Available integer', 'Age string'],
  )
  assert.equal(
    table.columnDefinitions[2]!.description,
    'replicas is the actual number of observed instances of the scaled object.',
  )
  assert.deepEqual(table.rows[0]!.cells, ['web', 3, 0, '0s'])
  assert.equal(table.rows[0]!.object.kind, 'PartialObjectMetadata')
})

test('a custom kind prints the scale in words of its own', async () => {
  await using api = await startTestApiServer()
  const schema = { type: 'object', properties: { spec: { type: 'object', properties: { replicas: { type: 'integer' } } } } }
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' }
  const [widgets] = await establish(
    api.client,
    crdOf({ schema, versions: [{ name: 'v1', subresources: { status: {}, scale } }] }),
  )
  await api.client.create(widgets!, {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'a', namespace: 'default' },
    spec: { replicas: 2 },
  } as never)
  const table = await tableAt(api.client, '/apis/example.com/v1/namespaces/default/widgets/a/scale')
  assert.deepEqual(
    table.columnDefinitions.slice(1).map(({ name, type, description }) => [name, type, description]),
    [
      ['Desired', 'integer', 'Number of desired replicas'],
      ['Available', 'integer', 'Number of actual replicas'],
      ['Age', 'date', table.columnDefinitions[3]!.description],
    ],
  )
  assert.deepEqual(table.rows[0]!.cells.slice(0, 3), ['a', 2, 0])
})
