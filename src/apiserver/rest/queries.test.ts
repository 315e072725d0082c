import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, askWatch, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'

async function refusal(api: TestApiServer, target: string, accept?: string): Promise<string> {
  const { code, object } = await ask(api, `GET ${target}`, accept === undefined ? {} : { headers: { accept } })
  return `${code} ${object.message}`
}

test('a token of a list that this server did not write is told what is wrong with it', async () => {
  await using api = await startTestApiServer()
  const why = (token: string): Promise<string> => refusal(api, `${MAPS}?continue=${token}`)
  const wrong = '400 invalid continue token: continue key is not valid'
  const tokenOf = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  assert.equal(await why('x'), `${wrong}: illegal base64 data at input byte 0`)
  assert.equal(await why('ab!d'), `${wrong}: illegal base64 data at input byte 2`)
  assert.equal(await why(tokenOf(null)), `${wrong}: server does not recognize this encoded version `)
  assert.equal(await why(tokenOf({ v: 'meta.k8s.io/v1', rv: 2, start: '../b/w1' })), `${wrong}: ../b/w1`)
  assert.equal(await why('All'), `${wrong}: invalid character '\\x02' looking for beginning of value`)
  assert.equal(await why('%0A'), `${wrong}: unexpected end of JSON input`, 'ends of lines do not count')
  assert.equal(await why(tokenOf([])), `${wrong}: json: cannot unmarshal array into Go value of type storage.continueToken`)
})

test('what a read may ask is told apart from what it may not', async () => {
  await using api = await startTestApiServer()
  const timeout = '400 invalid timeout specified in the request URL - time:'
  assert.equal(await refusal(api, `${MAPS}?timeout=1`), `${timeout} missing unit in duration "1"`)
  assert.equal(await refusal(api, `${MAPS}?timeout=x`), `${timeout} invalid duration "x"`)
  assert.equal(await refusal(api, `${MAPS}?limit=`), '400 strconv.ParseInt: parsing "": invalid syntax')
  assert.equal(
    await refusal(api, `${MAPS}?limit=&timeoutSeconds=%C2%A0`),
    '400 strconv.ParseInt: parsing "\\u00a0": invalid syntax',
  )
  assert.match(
    await refusal(api, `${MAPS}?resourceVersion=1&resourceVersionMatch=%3C`),
    /Unsupported value: "\\u003c": supported values: "Exact", "NotOlderThan", ""$/,
  )
  assert.match(
    await refusal(api, `${MAPS}?watch=1&continue=x`),
    /^422 .*resourceVersionMatch is forbidden when continue is provided$/,
  )
  assert.equal((await ask(api, `GET ${MAPS}?watch=FALSE`)).object.kind, 'ConfigMapList')
  const gone = '400 the export parameter, deprecated since v1.14, is no longer supported'
  assert.equal(await refusal(api, '/api/v1/namespaces/default?export=true'), gone)
  assert.equal((await ask(api, 'GET /api/v1/namespaces/default?export=false')).code, 200)
})

test('of several mistakes of a read the first in its order is told: numbers, selectors, what goes together, fields, rows, forms of streams', async () => {
  await using api = await startTestApiServer()
  const mistakes = [
    ['limit=x', /^400 strconv.ParseInt: parsing "x"/],
    ['labelSelector=((', /^400 found '\('/],
    ['resourceVersionMatch=x', /^422 ListOptions.meta.k8s.io/],
    ['fieldSelector=spec.nope%3D1', /^400 "spec.nope" is not a known field selector/],
    ['resourceVersion=x', /Invalid value: "x"/],
    ['includeObject=x', /^400 Unable to convert to Table/],
  ] as const
  const table = 'application/yaml;as=Table;v=v1;g=meta.k8s.io'
  for (const watch of ['watch=1&', '']) {
    for (const [at, [, why]] of mistakes.entries()) {
      const query = mistakes.slice(at).map(([each]) => each)
      assert.match(await refusal(api, `${MAPS}?${watch}${query.join('&')}`, table), why)
    }
  }
  assert.match(await refusal(api, `${MAPS}?watch=1`, table), /^406 .*: application\/json;stream=watch, /)
  assert.match(await refusal(api, `${MAPS}?limit=y&timeoutSeconds=x`), /^400 strconv.ParseInt: parsing "x"/)
  assert.match(await refusal(api, `${MAPS}/none?includeObject=x`, table), /^404 /)
})

test('what rows carry is asked of tables alone', async () => {
  await using api = await startTestApiServer()
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const why = `includeObject: Invalid value: "x": must be 'Metadata', 'Object', 'None', or empty`
  assert.equal(
    await refusal(api, '/api/v1/namespaces?includeObject=x', table),
    `400 Unable to convert to Table as requested: ${why}`,
  )
  assert.match(await refusal(api, '/api/v1/namespaces?includeObject=%3C', table), /Invalid value: "\\u003c": must be/)
  assert.match(
    await refusal(api, '/api/v1/namespaces?includeObject=x&resourceVersion=y', table),
    /^400 invalid resource version/,
    'rows are made last',
  )
  assert.match(await refusal(api, '/api/v1/namespaces?watch=1&includeObject=x', table), /^400 .*includeObject: Invalid value/)
  assert.equal((await ask(api, 'GET /api/v1/namespaces?includeObject=x')).code, 200)
  const { object } = await ask(api, 'GET /api/v1/namespaces/default?includeObject=None', { headers: { accept: table } })
  assert.deepEqual(
    (object as unknown as { rows: { object: unknown }[] }).rows.map((row) => row.object),
    [null],
  )
})

test('a column of a custom kind that is not described says where it comes from', async () => {
  await using api = await startTestApiServer()
  const columns = [
    { name: 'Color', type: 'string', jsonPath: '.spec.color' },
    { name: 'Size', type: 'integer', jsonPath: '.spec.size', description: 'How large.' },
  ]
  await establish(api.client, crdOf({ versions: [{ name: 'v1', additionalPrinterColumns: columns }] }))
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  const { object } = await ask(api, 'GET /apis/example.com/v1/widgets', { headers })
  const { columnDefinitions } = object as unknown as { columnDefinitions: { description: string }[] }
  assert.deepEqual(
    columnDefinitions.slice(1).map(({ description }) => description),
    ['Custom resource definition column (in JSONPath format): .spec.color', 'How large.'],
  )
})

test('a scale is as fresh as it is asked to be, and of who it says', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ versions: [{ name: 'v1', subresources: { scale: SCALE } }] }))
  const widgets = '/apis/example.com/v1/namespaces/default/widgets'
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec: { replicas: 1 } }
  await ask(api, `POST ${widgets}`, { body: widget })
  assert.match(await refusal(api, `${widgets}/a/scale?resourceVersion=x`), /^400 .*Invalid value: "x"/)
  assert.equal((await ask(api, `GET ${widgets}/a/scale?resourceVersion=0`)).object.kind, 'Scale')
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'b' }, spec: { replicas: 2 } }
  const { object } = await ask(api, `PUT ${widgets}/a/scale`, { body: scale })
  assert.equal(object.message, 'the name of the object (b) does not match the name on the URL (a)')
})

const SCALE = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' }

test('a bookmark has a revision, and no time at which it was made', async () => {
  await using api = await startTestApiServer()
  const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=none'
  await using watch = await askWatch(api, `GET ${MAPS}?watch=true&${initial}`)
  const metadata = (await watch.next())?.object as { metadata: object }
  assert.deepEqual(Object.keys(metadata.metadata), ['resourceVersion', 'annotations'])
})
