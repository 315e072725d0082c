import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoles } from '#api'
import { seededRandom, VirtualClock } from '#base'
import { parseYaml } from '#meta'
import { ask, startTestApiServer } from '#testing'
import { flagz, serveZpage, statusz, type Zpage } from './zpages.ts'

const STARTED = Date.UTC(2026, 10, 7, 18, 7, 3)
const UP_MS = 3_725_000
const GO = `node${process.version}`

const statusPage = (): Zpage => {
  const paths = () => ['/apis/apps', '/healthz/ping', '/healthz', '/metrics', '/openid/v1/jwks', '/version']
  return statusz({ clock: new VirtualClock(STARTED + UP_MS), startedAtMs: STARTED, paths })
}

interface Told {
  readonly type: string
  readonly warning: string | undefined
  readonly text: string
}

async function told(accept: string | undefined, page = statusPage(), seed = 1): Promise<Told> {
  const headers: Record<string, string> = accept === undefined ? {} : { accept }
  const { response } = await serveZpage(page, { method: 'GET', path: `/${page.name}`, headers }, seededRandom(seed))
  assert.ok(response.body.kind === 'bytes')
  const { 'content-type': type = '', warning } = response.headers
  return { type, warning, text: Buffer.from(response.body.bytes).toString() }
}

const structured = (version: string, kind = 'Statusz', type = 'application/json'): string =>
  `${type};g=config.k8s.io;v=${version};as=${kind}`

test('the status of a server is a text for people, whose separators nobody can rely on', async () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 40; seed++) {
    const { type, text } = await told(undefined, statusPage(), seed)
    assert.equal(type, 'text/plain; charset=utf-8')
    const separator = /^Started(:|: |=| ) Sat Nov {2}7 18:07:03 UTC 2026$/m.exec(text)?.[1]
    assert.ok(separator !== undefined, text)
    seen.add(separator)
    assert.equal(
      text,
      [
        '\napiserver statusz',
        'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.',
        '',
        `Started${separator} Sat Nov  7 18:07:03 UTC 2026`,
        `Up${separator} 1 hr 02 min 05 sec`,
        `Go version${separator} ${GO}`,
        `Binary version${separator} 1.36`,
        `Emulation version${separator} 1.36`,
        `Paths${separator} /healthz /metrics /version`,
        '',
      ].join('\n'),
    )
  }
  assert.deepEqual([...seen].sort(), [' ', ':', ': ', '='])
})

test('the structured form is for who names its kind, in JSON or YAML; the older version is warned of', async () => {
  const object = {
    kind: 'Statusz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'apiserver' },
    startTime: '2026-11-07T18:07:03Z',
    uptimeSeconds: 3725,
    goVersion: GO,
    binaryVersion: '1.36',
    emulationVersion: '1.36',
    paths: ['/healthz', '/metrics', '/version'],
  }
  assert.deepEqual(await told(structured('v1beta1')), {
    type: structured('v1beta1'),
    warning: undefined,
    text: `${JSON.stringify(object)}\n`,
  })
  assert.deepEqual(await told(structured('v1alpha1')), {
    type: structured('v1alpha1'),
    warning: '299 - "This version of the statusz endpoint is deprecated. Please use a newer version."',
    text: `${JSON.stringify({ ...object, apiVersion: 'config.k8s.io/v1alpha1' })}\n`,
  })
  const yaml = structured('v1beta1', 'Statusz', 'application/yaml')
  const { type, text } = await told(yaml)
  assert.equal(type, yaml)
  assert.match(text, /^apiVersion: config\.k8s\.io\/v1beta1\nbinaryVersion: /)
  assert.deepEqual(await parseYaml(text), object)
})

test('what is accepted is told to who accepts nothing of it', async () => {
  for (const accept of ['*/*', 'text/*', 'text/html,text/plain', 'application/json,text/plain;q=0.5'])
    assert.equal((await told(accept)).type, 'text/plain; charset=utf-8', accept)
  for (const accept of [
    'application/json',
    'text/html',
    structured('v2'),
    structured('v1beta1', 'Flagz'),
    structured('v1beta1', 'Statusz', 'application/vnd.kubernetes.protobuf'),
    structured('v1beta1', 'Statusz', 'text/plain'),
    `${structured('v1beta1')};stream=watch`,
  ])
    await assert.rejects(told(accept), {
      name: 'StatusError',
      message: 'only the following media types are accepted: application/json, application/yaml, text/plain',
    })
})

test('flags are told by their names', async () => {
  const page = flagz({ 'secure-port': '6443', 'audit-policy-file': '' })
  const { text } = await told('text/plain', page)
  assert.match(text, /^\napiserver flagz\nWarning: .*\naudit-policy-file(:|: |=| )\nsecure-port(?:\1)6443\n$/)
  const { text: json } = await told(structured('v1beta1', 'Flagz'), page)
  assert.deepEqual(JSON.parse(json), {
    kind: 'Flagz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'apiserver' },
    flags: { 'audit-policy-file': '', 'secure-port': '6443' },
  })
})

test('a server has the pages whose features are on, may be asked for them by monitors, and counts them', async () => {
  await using api = await startTestApiServer({ flags: { 'secure-port': '6443' } })
  assert.equal((await ask(api, 'GET /statusz')).code, 200)
  assert.match((await ask(api, 'GET /flagz')).text, /secure-port/)
  const accept = structured('v1alpha1')
  assert.match(
    (await ask(api, 'GET /statusz', { headers: { accept } })).text,
    /"\/flagz","\/healthz","\/livez","\/metrics","\/readyz","\/version"/,
  )
  assert.equal((await ask(api, 'GET /statusz', { headers: { accept: 'application/json' } })).code, 406)
  const { text } = await ask(api, 'GET /metrics')
  const labels = (code: number, group: string, version: string): string =>
    `\napiserver_request_total{code="${code}",component="apiserver",dry_run="",group="${group}",resource="statusz",scope="",subresource="",verb="GET",version="${version}"} 1\n`
  for (const each of [labels(200, '', ''), labels(406, '', ''), labels(200, 'config.k8s.io', 'v1alpha1')])
    assert.ok(text.includes(each), each)
  assert.match(
    text,
    /^apiserver_requested_deprecated_apis\{group="config\.k8s\.io",.*resource="statusz",.*version="v1alpha1"\} 1$/m,
  )
  const { rules = [] } = await api.client.get(clusterRoles, 'system:monitoring')
  assert.deepEqual(rules.slice(1), [
    { nonResourceURLs: ['/flagz'], verbs: ['get'] },
    { nonResourceURLs: ['/statusz'], verbs: ['get'] },
  ])
})

test('a server whose features are off has none of them', async () => {
  await using api = await startTestApiServer({ flags: {}, featureGates: { ComponentFlagz: false, ComponentStatusz: false } })
  for (const path of ['/statusz', '/flagz']) assert.equal((await ask(api, `GET ${path}`)).code, 404)
  assert.equal((await api.client.get(clusterRoles, 'system:monitoring')).rules?.length, 1)
})
