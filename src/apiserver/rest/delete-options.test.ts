import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AskOptions, ask, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'

async function withMaps(run: (api: TestApiServer) => Promise<void>): Promise<void> {
  await using api = await startTestApiServer()
  for (const name of ['a', 'b']) await ask(api, `POST ${MAPS}`, { body: { metadata: { name, labels: { name } } } })
  await run(api)
}

const refusal = async (api: TestApiServer, line: string, options: AskOptions = {}): Promise<string> => {
  const { code, object } = await ask(api, line, options)
  return `${code} ${object.message}`
}

test('what a query asks of a delete is read as its types say, before anything is looked for', () =>
  withMaps(async (api) => {
    const number = 'strconv.ParseInt: parsing'
    assert.equal(await refusal(api, `DELETE ${MAPS}/no?gracePeriodSeconds=x`), `400 ${number} "x": invalid syntax`)
    assert.equal(await refusal(api, `DELETE ${MAPS}?gracePeriodSeconds=`), `400 ${number} "": invalid syntax`)
    const large = '9223372036854775808'
    assert.equal(
      await refusal(api, `DELETE ${MAPS}/a?gracePeriodSeconds=${large}`),
      `400 ${number} "${large}": value out of range`,
    )
    assert.match(
      await refusal(api, `DELETE ${MAPS}/no?dryRun=`),
      /^422 .*dryRun: Unsupported value: \[""\]: supported values: "All"$/,
    )
    for (const yes of ['x', '', 'true']) {
      const { object } = await ask(api, `DELETE ${MAPS}/a?dryRun=All&orphanDependents=${yes}`)
      assert.deepEqual(object.metadata.finalizers, ['orphan'], yes)
    }
    for (const no of ['0', 'FALSE']) {
      const { object } = await ask(api, `DELETE ${MAPS}/a?dryRun=All&orphanDependents=${no}`)
      assert.equal(object.kind, 'Status', no)
    }
  }))

test('a query may name the object, or the state of it, that is to go', () =>
  withMaps(async (api) => {
    assert.match(await refusal(api, `DELETE ${MAPS}/a?uid=other`), /^409 .*the UID in the precondition \(other\) does not match/)
    assert.match(await refusal(api, `DELETE ${MAPS}/a?resourceVersion=1`), /^409 .*the ResourceVersion in the precondition \(1\)/)
    const { object } = await ask(api, `GET ${MAPS}/a`)
    const { uid, resourceVersion } = object.metadata
    assert.equal((await ask(api, `DELETE ${MAPS}/a?uid=${uid}&resourceVersion=${resourceVersion}`)).code, 200)
  }))

test('where a body says how to delete, the query says nothing', () =>
  withMaps(async (api) => {
    assert.equal((await ask(api, `DELETE ${MAPS}/a?dryRun=All&gracePeriodSeconds=x`, { body: {} })).code, 200)
    assert.equal((await ask(api, `GET ${MAPS}/a`)).code, 404)
    assert.equal((await ask(api, `DELETE ${MAPS}/b?propagationPolicy=x`, { body: { dryRun: ['All'] } })).code, 200)
    assert.equal((await ask(api, `GET ${MAPS}/b`)).code, 200)
  }))

test('a body is options of a delete, or nothing', () =>
  withMaps(async (api) => {
    const refused = (body: unknown): Promise<string> => refusal(api, `DELETE ${MAPS}/a`, { body })
    const scheme = 'in scheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"'
    assert.equal(await refused({ apiVersion: 'v1', kind: 'Pod' }), `400 no kind "Pod" is registered for version "v1" ${scheme}`)
    assert.equal(
      await refused({ apiVersion: 'v1', kind: 'Status' }),
      '400 converting (v1.Status) to (v1.DeleteOptions): unknown conversion',
    )
    assert.equal(
      await refused({ gracePeriodSeconds: 'x' }),
      '400 json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
    )
    assert.equal((await ask(api, `DELETE ${MAPS}/a`, { body: { apiVersion: 'any/v1', kind: 'DeleteOptions' } })).code, 200)
    assert.equal((await ask(api, `DELETE ${MAPS}/b`, { body: null })).code, 200)
  }))

test('a delete that is done answers a Status without a code, one that is not the object', async () => {
  await using api = await startTestApiServer()
  for (const [name, finalizers] of Object.entries({ a: [], b: ['example.com/wait'], c: ['example.com/wait'] }))
    await ask(api, `POST ${MAPS}`, { body: { metadata: { name, finalizers } } })
  const { code, object } = await ask(api, `DELETE ${MAPS}/a`)
  assert.equal(code, 200)
  assert.deepEqual(Object.keys(object), ['kind', 'apiVersion', 'metadata', 'status', 'details'])
  const stays = await ask(api, `DELETE ${MAPS}/b`)
  assert.deepEqual([stays.code, stays.object.kind], [200, 'ConfigMap'])
  const accepted = await ask(api, `DELETE ${MAPS}/c?orphanDependents=false`)
  assert.deepEqual([accepted.code, accepted.object.kind], [202, 'ConfigMap'])
})

test('a collection that is deleted is answered as it was', () =>
  withMaps(async (api) => {
    const { object } = await ask(api, `DELETE ${MAPS}?labelSelector=name&propagationPolicy=Foreground`)
    assert.deepEqual(
      object.items.map(({ metadata }) => [metadata?.name, metadata?.deletionTimestamp]),
      [
        ['a', undefined],
        ['b', undefined],
      ],
    )
  }))

test('a dry run says what an object would be without its last finalizer, and one that is replaced loses what its name was made of', async () => {
  await using api = await startTestApiServer()
  const finalizers = ['example.com/wait']
  await ask(api, `POST ${MAPS}`, { body: { metadata: { name: 'a', generateName: 'a-', finalizers } } })
  await ask(api, `DELETE ${MAPS}/a`)
  const headers = { 'content-type': 'application/merge-patch+json' }
  const freed = await ask(api, `PATCH ${MAPS}/a?dryRun=All`, { body: { metadata: { finalizers: null } }, headers })
  assert.deepEqual([freed.code, freed.object.metadata.finalizers, freed.object.metadata.generateName], [200, undefined, 'a-'])
  assert.deepEqual((await ask(api, `GET ${MAPS}/a`)).object.metadata.finalizers, finalizers)
  const { object } = await ask(api, `PUT ${MAPS}/a`, { body: { metadata: { name: 'a', finalizers } } })
  assert.equal(object.metadata.generateName, undefined)
})

test('what a dry run would have made has no revision', async () => {
  await using api = await startTestApiServer()
  const made = await ask(api, `POST ${MAPS}?dryRun=All`, { body: { metadata: { name: 'a' } } })
  assert.deepEqual([made.code, made.object.metadata.resourceVersion, typeof made.object.metadata.uid], [201, undefined, 'string'])
  await establish(api.client, crdOf())
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' } }
  const custom = await ask(api, 'POST /apis/example.com/v1/namespaces/default/widgets?dryRun=All', { body: widget })
  assert.deepEqual([custom.code, custom.object.metadata.resourceVersion], [201, undefined])
})

test('an object is replaced by one that says its name', () =>
  withMaps(async (api) => {
    const message = '400 the name of the object (a based on URL) was undeterminable: name must be provided'
    assert.equal(await refusal(api, `PUT ${MAPS}/a`, { body: {} }), message)
    const headers = { 'content-type': 'application/merge-patch+json' }
    assert.equal(await refusal(api, `PATCH ${MAPS}/a`, { body: { metadata: { name: null } }, headers }), message)
  }))

test('a name that is on its way out is said to be', async () => {
  await using api = await startTestApiServer()
  const body = { metadata: { name: 'a', finalizers: ['example.com/wait'] } }
  await ask(api, `POST ${MAPS}`, { body })
  assert.equal(await refusal(api, `POST ${MAPS}`, { body }), '409 configmaps "a" already exists')
  await ask(api, `DELETE ${MAPS}/a`)
  const message = '409 object is being deleted: configmaps "a" already exists'
  for (const query of ['', '?dryRun=All']) assert.equal(await refusal(api, `POST ${MAPS}${query}`, { body }), message)
})
