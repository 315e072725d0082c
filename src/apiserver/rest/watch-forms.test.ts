import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, askWatch, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets'
const TABLE = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' }
const METADATA_LIST = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' }
const INITIAL = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'

interface Table {
  readonly columnDefinitions: readonly unknown[] | null
  readonly rows: readonly {
    readonly cells: readonly unknown[]
    readonly object: { readonly kind: string; readonly metadata: object }
  }[]
}

async function startWithMaps(): Promise<TestApiServer> {
  const api = await startTestApiServer()
  for (const name of ['a', 'b']) await ask(api, `POST ${MAPS}`, { body: { metadata: { name, labels: { own: 'yes' } } } })
  return api
}

test('only the first table of a watch tells of the columns, whichever it is', async () => {
  await using api = await startWithMaps()
  await using watch = await askWatch(api, `GET ${MAPS}?${INITIAL}&labelSelector=own`, { headers: TABLE })
  const next = async (): Promise<Table> => (await watch.next())!.object as unknown as Table
  // Told of before what was there is read.
  await ask(api, `DELETE ${MAPS}/b`)
  assert.equal((await next()).columnDefinitions?.length, 3)
  for (let frame = 0; frame < 3; frame++) assert.equal((await next()).columnDefinitions, null)
})

test('the end of what a watch begins with is a row of an object with nothing in it, even for who wants no objects', async () => {
  await using api = await startTestApiServer()
  const query = `${INITIAL}&includeObject=None&labelSelector=none`
  await using watch = await askWatch(api, `GET ${MAPS}?${query}`, { headers: TABLE })
  const { rows } = (await watch.next())!.object as unknown as Table
  assert.deepEqual(rows[0]!.cells, ['', 0, '<unknown>'])
  assert.equal(rows[0]!.object.kind, 'PartialObjectMetadata')
  assert.match(JSON.stringify(rows[0]!.object.metadata), /"k8s.io\/initial-events-end":"true"/)
  await using pods = await askWatch(api, `GET /api/v1/pods?${query}`, { headers: TABLE })
  assert.deepEqual(((await pods.next())!.object as unknown as Table).rows[0]!.cells.slice(0, 5), [
    '',
    '0/0',
    '',
    '0',
    '<unknown>',
  ])
  await establish(api.client, crdOf({ versions: [{ name: 'v1', additionalPrinterColumns: [COLOR] }] }))
  await using widgets = await askWatch(api, `GET ${WIDGETS}?${query}`, { headers: TABLE })
  assert.deepEqual(((await widgets.next())!.object as unknown as Table).rows[0]!.cells, ['', null])
  await establish(api.client, crdOf({ kind: 'Gadget' }))
  const path = WIDGETS.replace('widgets', 'gadgets')
  await using gadgets = await askWatch(api, `GET ${path}?${query}`, { headers: TABLE })
  assert.deepEqual(((await gadgets.next())!.object as unknown as Table).rows[0]!.cells, ['', null])
})

const COLOR = { name: 'Color', type: 'string', jsonPath: '.spec.color' }

test('a watch that asks for lists of metadata ends with the first event, which is none, and a custom object is no list', async () => {
  await using api = await startWithMaps()
  await using initial = await askWatch(api, `GET ${MAPS}?watch=true`, { headers: METADATA_LIST })
  assert.equal(await initial.next(), undefined)
  const query = `watch=true&resourceVersion=${(await ask(api, `GET ${MAPS}`)).object.metadata?.resourceVersion}`
  await using later = await askWatch(api, `GET ${MAPS}?${query}`, { headers: METADATA_LIST })
  const next = later.next()
  await ask(api, `DELETE ${MAPS}/b`)
  assert.equal(await next, undefined)
  const one = await ask(api, `GET ${MAPS}/a`, { headers: METADATA_LIST })
  assert.equal(one.code, 406)
  await establish(api.client, crdOf())
  await ask(api, `POST ${WIDGETS}`, { body: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } } })
  const { code, object } = await ask(api, `GET ${WIDGETS}/w`, { headers: METADATA_LIST })
  const { message, reason, details } = object
  assert.deepEqual([code, message, reason, details], [500, 'content is not a list', undefined, undefined])
})
