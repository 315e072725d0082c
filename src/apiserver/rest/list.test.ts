import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, type PodTemplate, podTemplates } from '#api'
import { nullLog, VirtualClock } from '#base'
import type { KubernetesObject } from '#meta'
import { openMemoryStore } from '#store'
import { ask, startTestApiServer, type TestApiServer } from '#testing'
import type { RequestContext } from '../context.ts'
import { WatchCache } from '../watch-cache/watch-cache.ts'
import { list } from './list.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const TEMPLATES = '/api/v1/namespaces/default/podtemplates'

const namesIn = ({ items }: { items: readonly KubernetesObject[] }): string[] => items.map(({ metadata }) => metadata?.name ?? '')

async function makeMaps({ client }: TestApiServer, labels: Readonly<Record<string, Record<string, string>>>): Promise<void> {
  for (const [name, own] of Object.entries(labels)) {
    await client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default', labels: own },
    })
  }
}

async function makeTemplates({ client }: TestApiServer, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await client.create(podTemplates, podTemplate(`template-${String(at).padStart(4, '0')}`))
}

const podTemplate = (name: string): PodTemplate => ({
  apiVersion: 'v1',
  kind: 'PodTemplate',
  metadata: { name, namespace: 'default' },
  template: { spec: { containers: [{ name: 'test', image: 'test2' }] } },
})

test('a list that is sent as it is stored leaves a new server as small as it was; who takes objects gets them parsed', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  for (const name of ['a', 'b']) {
    const value = Buffer.from(JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, namespace: 'default' } }))
    await store.put(`/registry/configmaps/default/${name}`, value, { expected: 0 })
  }
  await using cache = await WatchCache.open(store, [configMaps], { clock, log: nullLog })
  const dependencies = { cache, store, clock }
  const context = (isRemote: boolean, accept: string): RequestContext =>
    ({
      info: { kind: 'resource', verb: 'list', namespace: 'default', name: '' },
      resource: configMaps,
      query: new URLSearchParams(),
      headers: { accept },
      isRemote,
    }) as unknown as RequestContext
  const parsed = async (...asked: Parameters<typeof context>): Promise<number> =>
    (await list(context(...asked), dependencies)).versions.filter(({ isParsed }) => isParsed).length
  assert.equal(await parsed(true, 'application/json'), 0)
  assert.equal(await parsed(true, 'application/json;as=Table;g=meta.k8s.io;v=v1'), 2)
})

test('list-chunking: Servers with support for API chunking should return chunks of results for list calls', async () => {
  await using api = await startTestApiServer()
  await makeTemplates(api, 40)
  const seen: string[] = []
  let token = ''
  let revision = ''
  do {
    const { object } = await ask(api, `GET ${TEMPLATES}?limit=17&continue=${token}`)
    assert.ok(object.items.length <= 17)
    revision ||= object.metadata.resourceVersion
    assert.equal(object.metadata.resourceVersion, revision, 'every page is of one snapshot')
    token = object.metadata.continue ?? ''
    seen.push(...namesIn(object))
    if (token === '') assert.equal(object.metadata.remainingItemCount, undefined)
    else assert.equal(object.metadata.remainingItemCount, 40 - seen.length)
    // What changes between pages shows in none of them.
    await api.client.create(podTemplates, podTemplate(`late-${seen.length}`))
  } while (token !== '')
  assert.deepEqual(
    seen,
    Array.from({ length: 40 }, (_, at) => `template-${String(at).padStart(4, '0')}`),
  )
  const all = await ask(api, `GET ${TEMPLATES}`)
  assert.equal(all.object.items.length, 43)
  assert.equal(all.object.metadata.continue, undefined)
})

test('list-chunking: Servers should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await makeTemplates(api, 9)
  const first = await ask(api, `GET ${TEMPLATES}?limit=4`)
  await api.client.create(podTemplates, podTemplate('template-0005-new'))
  await clock.advance(11 * 60_000)
  const expired = await ask(api, `GET ${TEMPLATES}?limit=4&continue=${first.object.metadata.continue}`)
  assert.deepEqual([expired.code, expired.object.reason], [410, 'Expired'])
  assert.match(expired.object.message, /The provided continue parameter is too old to display a consistent list result/)
  const second = await ask(api, `GET ${TEMPLATES}?limit=4&continue=${expired.object.metadata.continue}`)
  assert.deepEqual(namesIn(second.object), ['template-0004', 'template-0005', 'template-0005-new', 'template-0006'])
  assert.notEqual(second.object.metadata.resourceVersion, first.object.metadata.resourceVersion)
  assert.equal(second.object.metadata.remainingItemCount, 2)
  await api.client.delete(podTemplates, 'default/template-0007')
  const third = await ask(api, `GET ${TEMPLATES}?limit=4&continue=${second.object.metadata.continue}`)
  assert.deepEqual(namesIn(third.object), ['template-0007', 'template-0008'], 'consistent again from the second page on')
  assert.equal(third.object.metadata.resourceVersion, second.object.metadata.resourceVersion)
})

test('a list shows what its resourceVersion and resourceVersionMatch ask for', async () => {
  await using api = await startTestApiServer()
  await makeMaps(api, { a: {}, b: {} })
  const at = (await ask(api, `GET ${MAPS}`)).object.metadata.resourceVersion
  await makeMaps(api, { c: {} })
  const names = async (query: string): Promise<string> => namesIn((await ask(api, `GET ${MAPS}?${query}`)).object).join(' ')
  assert.equal(await names(''), 'a b c')
  assert.equal(await names('resourceVersion=0'), 'a b c')
  assert.equal(await names(`resourceVersion=${at}`), 'a b c', 'not older than')
  assert.equal(await names(`resourceVersion=${at}&limit=5`), 'a b', 'a limit without a match means exact')
  assert.equal(await names(`resourceVersion=${at}&resourceVersionMatch=NotOlderThan&limit=5`), 'a b c')
  assert.equal(await names(`resourceVersion=${at}&resourceVersionMatch=Exact`), 'a b')
  assert.equal(await names('resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=2'), 'a b c', 'what is at hand comes whole')
  assert.equal(await names('resourceVersion=0&limit=2'), 'a b c')
  assert.equal(await names('limit=2'), 'a b')
  const exact = await ask(api, `GET ${MAPS}?resourceVersion=${at}&resourceVersionMatch=Exact`)
  assert.equal(exact.object.metadata.resourceVersion, at)
})

const REFUSED: readonly [query: string, code: number, message: string | RegExp][] = [
  [
    'resourceVersionMatch=Exact',
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    'resourceVersion=0&resourceVersionMatch=Exact',
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  ],
  [
    'resourceVersion=5&resourceVersionMatch=Newest',
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
  ],
  ['sendInitialEvents=true', 422, /sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list/],
  [
    'resourceVersion=1&resourceVersionMatch=NotOlderThan&continue=x',
    422,
    /resourceVersionMatch is forbidden when continue is provided/,
  ],
  [
    'resourceVersion=tomorrow',
    400,
    'invalid resource version: resourceVersion: Invalid value: "tomorrow": strconv.ParseUint: parsing "tomorrow": invalid syntax',
  ],
  ['resourceVersion=99999999999999999999', 400, /value out of range/],
  ['limit=many', 400, 'strconv.ParseInt: parsing "many": invalid syntax'],
  ['labelSelector=a+b', 400, "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['labelSelector=a+in+b', 400, "unable to parse requirement: found 'b' expected: '('"],
  ['labelSelector=a,', 400, "found '', expected: identifier after ','"],
  ['labelSelector=a+%3E+b', 400, /values\[0\]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer/],
  ['labelSelector=a%3D-b-', 400, /unable to parse requirement: values\[0\]\[a\]: Invalid value: "-b-": a valid label must be/],
  ['labelSelector=-a', 400, /unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/],
  ['fieldSelector=nonsense', 400, "invalid selector: 'nonsense'; can't understand 'nonsense'"],
  ['continue=***', 400, /invalid continue token: continue key is not valid/],
]

test('a list that makes no sense is refused in upstream’s words', async (context) => {
  await using api = await startTestApiServer()
  for (const [query, code, message] of REFUSED) {
    await context.test(query, async () => {
      const answer = await ask(api, `GET ${MAPS}?${query}`)
      assert.equal(answer.code, code)
      if (typeof message === 'string') assert.equal(answer.object.message, message)
      else assert.match(answer.object.message, message)
    })
  }
})

test('fields that a kind does not select by are refused as upstream’s kind of that name does', async () => {
  await using api = await startTestApiServer()
  const refusal = async (path: string): Promise<string> => (await ask(api, `GET ${path}?fieldSelector=spec.x%3D1`)).object.message
  assert.equal(await refusal('/api/v1/pods'), 'field label not supported: spec.x')
  assert.equal(await refusal('/apis/batch/v1/jobs'), 'field label "spec.x" not supported for Job')
  assert.equal(
    await refusal('/apis/apps/v1/deployments'),
    '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  )
})

test('a token names no key outside of its list, and no revision that never was', async () => {
  await using api = await startTestApiServer()
  await makeMaps(api, { a: {}, b: {} })
  const token = (parts: object): string => Buffer.from(JSON.stringify(parts)).toString('base64url')
  const cases: [string, RegExp][] = [
    [token({ v: 'meta.k8s.io/v1', rv: 5, start: '../secrets/x\0' }), /continue key is not valid: \.\.\/secrets\/x/],
    [token({ v: 'meta.k8s.io/v1', rv: 5, start: '/a\0' }), /continue key is not valid/],
    [token({ v: 'meta.k8s.io/v2', rv: 5, start: 'a\0' }), /server does not recognize this encoded version meta\.k8s\.io\/v2/],
    [
      token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a\0' }),
      /incorrect encoded start resourceVersion \(version meta\.k8s\.io\/v1\)/,
    ],
    [token({ v: 'meta.k8s.io/v1', rv: 5, start: '' }), /encoded start key empty \(version meta\.k8s\.io\/v1\)/],
    [token({ v: 'meta.k8s.io/v1', rv: 1.5, start: 'a\0' }), /continue key is not valid/],
  ]
  for (const [text, message] of cases) {
    const { code, object } = await ask(api, `GET ${MAPS}?limit=1&continue=${text}`)
    assert.equal(code, 400, text)
    assert.match(object.message, message)
  }
  const { object: first } = await ask(api, `GET ${MAPS}?limit=1`)
  const both = await ask(api, `GET ${MAPS}?limit=1&continue=${first.metadata.continue}&resourceVersion=1`)
  assert.equal(both.object.message, 'specifying resource version is not allowed when using continue')
})

test('a revision that is not there yet is waited for three seconds, then refused with 504', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const next = api.store.revision + 1
  for (const line of [`GET ${MAPS}?resourceVersion=${next}`, `GET ${MAPS}/a?resourceVersion=${next}`]) {
    const asked = ask(api, line)
    await clock.advance(3_000)
    const { code, object, headers } = await asked
    assert.equal(code, 504)
    assert.equal(object.message, `Timeout: Too large resource version: ${next}, current: ${next - 1}`)
    assert.deepEqual(object.details.causes, [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }])
    assert.equal(headers['retry-after'], '1')
  }
  const waiting = ask(api, `GET ${MAPS}/a?resourceVersion=${next}`)
  await makeMaps(api, { a: {} })
  assert.equal((await waiting).code, 200)
})

test('a snapshot that is compacted away is 410 Expired', async () => {
  await using api = await startTestApiServer()
  await makeMaps(api, { a: {}, b: {} })
  await api.store.compact(api.store.revision)
  const { code, object } = await ask(api, `GET ${MAPS}?resourceVersion=1&resourceVersionMatch=Exact`)
  assert.deepEqual(
    [code, object.reason, object.message],
    [410, 'Expired', 'The resourceVersion for the provided list is too old.'],
  )
})

test('selectors choose, page by page, and hide how much remains', async () => {
  await using api = await startTestApiServer()
  await makeMaps(api, {
    a: { app: 'web', n: '1' },
    b: { app: 'db', n: '5' },
    c: { app: 'web', n: '9' },
    d: {},
    e: { app: 'web' },
  })
  const names = async (query: string): Promise<string> => namesIn((await ask(api, `GET ${MAPS}?${query}`)).object).join(' ')
  assert.equal(await names('labelSelector=app+in+(web,db),n'), 'a b c')
  assert.equal(await names('labelSelector=app+notin+(web)'), 'b d')
  assert.equal(await names('labelSelector=!app'), 'd')
  assert.equal(await names('labelSelector=n%3E1,n%3C9'), 'b')
  assert.equal(await names('fieldSelector=metadata.name!%3Da,metadata.namespace%3Ddefault'), 'b c d e')
  assert.equal(await names('fieldSelector=metadata.name%3Dc'), 'c')
  assert.equal(await names('fieldSelector=metadata.name%3Dc&labelSelector=app%3Ddb'), '')
  const { object: first } = await ask(api, `GET ${MAPS}?labelSelector=app%3Dweb&limit=2`)
  assert.deepEqual(namesIn(first), ['a', 'c'])
  assert.equal(first.metadata.remainingItemCount, undefined)
  const { object: second } = await ask(api, `GET ${MAPS}?labelSelector=app%3Dweb&limit=2&continue=${first.metadata.continue}`)
  assert.deepEqual([namesIn(second), second.metadata.continue], [['e'], undefined])
})

test('an empty list has an empty array of items and a revision', async () => {
  await using api = await startTestApiServer()
  const { object } = await ask(api, `GET ${MAPS}`)
  assert.deepEqual(object.items, [])
  assert.match(object.metadata.resourceVersion, /^\d+$/)
})

test('deletecollection deletes what its list shows, and no more than its limit', async () => {
  await using api = await startTestApiServer()
  await makeMaps(api, { a: { x: '1' }, b: { x: '1' }, c: { x: '2' }, d: { x: '1' } })
  const refused = await ask(api, `DELETE ${MAPS}?labelSelector=x%3D1`, {
    body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'another' } },
  })
  assert.deepEqual([refused.code, refused.object.reason], [409, 'Conflict'])
  const dry = await ask(api, `DELETE ${MAPS}?labelSelector=x%3D1&dryRun=All`)
  assert.deepEqual(namesIn(dry.object), ['a', 'b', 'd'])
  const limited = await ask(api, `DELETE ${MAPS}?labelSelector=x%3D1&limit=2`)
  assert.deepEqual([limited.object.kind, namesIn(limited.object)], ['ConfigMapList', ['a', 'b']])
  assert.match(limited.object.metadata.resourceVersion, /^\d+$/)
  assert.deepEqual(namesIn((await ask(api, `GET ${MAPS}`)).object), ['c', 'd'])
})

test('a list of thousands lets others have their turn, whether it selects or parses what was never read', async () => {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  for (let at = 0; at < 5_000; at++) {
    const value = Buffer.from(
      JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: `m-${at}`, namespace: 'default' } }),
    )
    await store.put(`/registry/configmaps/default/m-${at}`, value, { expected: 0 })
  }
  await using api = await startTestApiServer({ clock, store })
  for (const query of ['', '?labelSelector=!app']) {
    let turns = 0
    let over = false
    const count = (): void => {
      turns++
      if (!over) setImmediate(count)
    }
    setImmediate(count)
    const { object } = await ask(api, `GET ${MAPS}${query}`)
    over = true
    assert.equal(object.items.length, 5_000)
    assert.ok(turns >= 9, `${turns} turns for ${JSON.stringify(query)}`)
  }
})
