import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import test from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ConfigMap, configMaps, type MutatingWebhook, secrets } from '#api'
import type { AuditEvent } from '#apiserver'
import type { Client } from '#client'
import {
  ask,
  mutatingWebhooks,
  patchAnswer,
  refusal,
  settings,
  startHttpsServer,
  startTestApiServer,
  startWebhookLab,
  startWebhookServer,
  type TestHttpsServer,
  validatingWebhooks,
  type WebhookAnswer,
  webhookTo,
} from '#testing'

const INVALID = 'received invalid webhook response: '
const answerWith =
  (body: string | Buffer, headers: Record<string, string> = {}): WebhookAnswer =>
  (_review, response) => {
    response.writeHead(200, headers).end(body)
  }

type Kind = 'mutating' | 'validating'
interface Lie {
  readonly what: string
  readonly answer: WebhookAnswer
  /** What the refusal ends with. */
  readonly said: RegExp
  /** Only of this kind is it a lie. */
  readonly only?: Kind
}

/** Answers that are none: the failure policy says what comes of them. */
const LIES: readonly Lie[] = [
  {
    what: 'returns 10 MB',
    answer: answerWith(Buffer.alloc(10 * 1024 * 1024, 0x20)),
    said: /the answer is longer than 3145728 bytes$/,
  },
  {
    what: 'returns 10 MB in a few KB',
    answer: answerWith(gzipSync(Buffer.alloc(10 * 1024 * 1024, 0x20)), { 'content-encoding': 'gzip' }),
    said: /couldn't get version\/kind; json parse error: /,
  },
  {
    what: 'answers with a head that does not end',
    answer: (_review, response) => void response.writeHead(200, { x: 'x'.repeat(64 * 1024) }).end(),
    said: /Post ".*": Parse Error: Header overflow$/,
  },
  { what: 'closes', answer: (_review, response) => void response.destroy(), said: /Post ".*": (EOF|socket hang up)$/ },
  {
    what: 'stops in the middle',
    answer: (_review, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{')
      response.socket?.end()
    },
    said: /Post ".*": (EOF|aborted)$/,
  },
  {
    what: 'changes the protocol unasked',
    answer: (_review, response) =>
      void response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
    said: /Post ".*": EOF$/,
  },
  { what: 'is no JSON', answer: answerWith('<html>'), said: /couldn't get version\/kind; json parse error: / },
  {
    what: 'fails',
    answer: (_review, response) => void response.writeHead(500).end('oh'),
    said: /an error on the server \("oh"\) has prevented the request from succeeding$/,
  },
  {
    what: 'is not there',
    answer: (_review, response) => void response.writeHead(404).end(),
    said: /the server could not find the requested resource$/,
  },
  {
    what: 'answers another request',
    answer: { uid: 'other', allowed: true },
    said: /received invalid webhook response: expected response.uid="[\da-f-]+", got "other"$/,
  },
  {
    what: 'answers nothing',
    answer: (review, response) => void response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview' })),
    said: /received invalid webhook response: webhook response was absent$/,
  },
  {
    what: 'answers as another kind',
    answer: answerWith('{"apiVersion":"v1","kind":"Pod"}'),
    said: /failed to call webhook: no kind "Pod" is registered for version "v1" in scheme "[^"]*"$/,
  },
  {
    what: 'answers in another version',
    answer: (review, response) =>
      void response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1beta1',
          kind: 'AdmissionReview',
          response: { uid: review.request.uid, allowed: true },
        }),
      ),
    said: /failed to call webhook: converting \(v1beta1.AdmissionReview\) to \(v1.AdmissionReview\): unknown conversion$/,
  },
  {
    what: 'allows with a word',
    answer: { allowed: 'true' },
    said: /failed to call webhook: json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool$/,
  },
  {
    what: 'patches where it only validates',
    only: 'validating',
    answer: { allowed: true, patchType: 'JSONPatch', patch: 'W10=' },
    said: new RegExp(`${INVALID}validating webhook may not return response.patch$`),
  },
  {
    what: 'patches and does not say how',
    only: 'mutating',
    answer: { allowed: true, patch: 'W10=' },
    said: new RegExp(`${INVALID}webhook returned response.patch but not response.patchType$`),
  },
  {
    what: 'says how it patches and does not',
    only: 'mutating',
    answer: { allowed: true, patchType: 'JSONPatch' },
    said: new RegExp(`${INVALID}webhook returned response.patchType but not response.patch$`),
  },
  {
    what: 'patches by another type',
    only: 'mutating',
    answer: { allowed: true, patchType: 'MergePatch', patch: Buffer.from('[{"op":"remove","path":"/data"}]').toString('base64') },
    said: /: unsupported patch type "MergePatch"$/,
  },
  {
    what: 'sends a patch that is none',
    only: 'mutating',
    answer: { allowed: true, patchType: 'JSONPatch', patch: 'not base64!' },
    said: /failed to call webhook: illegal base64 data at input byte 3$/,
  },
]

const configure = (client: Client, kind: Kind, name: string, webhook: MutatingWebhook): Promise<unknown> =>
  (kind === 'mutating' ? mutatingWebhooks : validatingWebhooks)(client, name, webhook)

for (const { what, answer, said, only } of LIES) {
  test(`a webhook that ${what} has failed: closed it refuses, open it is ignored, dry run or not`, async () => {
    await using lab = await startWebhookLab(() => answer)
    const { client, server } = lab
    for (const kind of only === undefined ? (['mutating', 'validating'] as const) : [only]) {
      for (const failurePolicy of ['Fail', 'Ignore'] as const) {
        const objectSelector = { matchLabels: { for: `${kind}-${failurePolicy}` } }
        await configure(
          client,
          kind,
          `${kind}-${failurePolicy}`.toLowerCase(),
          webhookTo(server, '/odd', { failurePolicy, objectSelector }),
        )
      }
      for (const dryRun of [true, false]) {
        const make = (failurePolicy: string) =>
          client.create(
            configMaps,
            settings(`${kind}-${failurePolicy}`.toLowerCase(), {}, { labels: { for: `${kind}-${failurePolicy}` } }),
            { dryRun },
          )
        const message = await refusal(make('Fail'))
        assert.match(
          message,
          /^Internal error occurred: failed calling webhook "odd.hooks.example": (failed to call webhook|received invalid webhook response|unsupported patch type)/,
        )
        assert.match(message, said)
        await make('Ignore')
      }
      assert.equal(await client.find(configMaps, `work/${kind}-fail`), undefined)
      assert.deepEqual(lab.server.requests.map(({ dryRun }) => dryRun).slice(-4), [true, true, false, false])
    }
  })
}

/** What a webhook's word or patch may do to an object that it was asked about; these are refusals whatever the failure policy says. */
const PATCHES: readonly [what: string, answer: WebhookAnswer, said: RegExp][] = [
  ['does not say whether', {}, /^admission webhook "odd.hooks.example" denied the request without explanation$/],
  [
    'patches where nothing is',
    patchAnswer([{ op: 'replace', path: '/spec/replicas', value: 3 }]),
    /^Internal error occurred: replace operation does not apply: doc is missing path: \/spec\/replicas: missing value$/,
  ],
  [
    'patches above the object',
    patchAnswer([{ op: 'add', path: '/../secret', value: 'x' }]),
    /^Internal error occurred: add operation does not apply: doc is missing path: "\/..\/secret": missing value$/,
  ],
  ['takes the object away', patchAnswer([{ op: 'remove', path: '' }]), /^Internal error occurred: /],
  ['makes a list of it', patchAnswer([{ op: 'replace', path: '', value: [] }]), /^Internal error occurred: /],
  [
    'sends more operations than anybody may',
    patchAnswer(Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' }))),
    /^Internal error occurred: The allowed maximum operations in a JSON patch is 10000, got 10001$/,
  ],
  [
    'doubles the object again and again',
    patchAnswer([
      { op: 'add', path: '/data', value: { a: 'x'.repeat(1024) } },
      ...Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '/data', path: `/data/${index}` })),
    ]),
    /^Internal error occurred: Unable to complete the copy, the accumulated size increase of copy is \d{7}, exceeding the limit 3145728$/,
  ],
  [
    'makes it larger than objects may be',
    patchAnswer([{ op: 'add', path: '/data', value: { a: 'x'.repeat(2 * 1024 * 1024) } }]),
    /Too long: (may|must) not be more than 1048576 bytes$/,
  ],
  [
    'moves it to another namespace',
    patchAnswer([{ op: 'replace', path: '/metadata/namespace', value: 'kube-system' }]),
    /^the namespace of the provided object does not match the namespace sent on the request$/,
  ],
]

for (const [what, answer, said] of PATCHES) {
  test(`a webhook that ${what} refuses, also one whose failures are ignored`, async () => {
    await using lab = await startWebhookLab(() => answer)
    const { client, server } = lab
    await mutatingWebhooks(client, 'odd', webhookTo(server, '/odd', { failurePolicy: 'Ignore' }))
    for (const dryRun of [true, false]) assert.match(await refusal(client.create(configMaps, settings('a'), { dryRun })), said)
    assert.equal(await client.find(configMaps, 'work/a'), undefined)
    // Nobody else is harmed.
    await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'work' } })
  })
}

test('a webhook makes no other object of the one it is asked about: kind, name and identity are not its to change', async () => {
  await using lab = await startWebhookLab(() =>
    patchAnswer([
      { op: 'add', path: '/metadata/uid', value: 'mine' },
      { op: 'add', path: '/metadata/resourceVersion', value: '1' },
      { op: 'add', path: '/metadata/creationTimestamp', value: '1970-01-01T00:00:00Z' },
      { op: 'add', path: '/metadata/deletionTimestamp', value: '1970-01-01T00:00:00Z' },
      { op: 'add', path: '/__proto__', value: { polluted: true } },
      { op: 'add', path: '/data/__proto__', value: 'x' },
    ]),
  )
  const { client, server } = lab
  await mutatingWebhooks(client, 'odd', webhookTo(server, '/odd'))
  const { kind, apiVersion, metadata } = await client.create(configMaps, settings('a', { own: 'x' }))
  assert.deepEqual([kind, apiVersion, metadata?.name], ['ConfigMap', 'v1', 'a'])
  assert.match(metadata?.uid ?? '', /^[\da-f-]{36}$/)
  assert.notEqual(metadata?.creationTimestamp, '1970-01-01T00:00:00Z')
  assert.equal(metadata?.deletionTimestamp, undefined)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  assert.deepEqual((await client.list(secrets, { namespace: 'work' })).items, [])
})

test('a redirect of a webhook is followed nowhere: not to another server, and not to a cloud’s metadata', async () => {
  await using target: TestHttpsServer = await startHttpsServer(['127.0.0.1'], () => ({}))
  const places = [
    `https://127.0.0.1:${target.port}/latest`,
    `http://127.0.0.1:${target.port}/`,
    'http://169.254.169.254/latest/meta-data/',
    '//169.254.169.254/',
    '/elsewhere',
  ]
  const codes = [301, 302, 303, 307, 308]
  let asked = 0
  await using lab = await startWebhookLab(() => (_review, response: ServerResponse) => {
    response.writeHead(codes[asked % codes.length]!, { location: places[Math.floor(asked++ / codes.length)]! }).end()
  })
  const { client, server } = lab
  await validatingWebhooks(client, 'odd', webhookTo(server, '/odd'))
  for (const _ of places)
    for (const code of codes)
      assert.match(
        await refusal(client.create(configMaps, settings('a'))),
        new RegExp(`the server responded with the status code ${code} but did not return more information$`),
      )
  assert.equal(server.requests.length, places.length * codes.length)
  assert.deepEqual(target.requests, [])
})

test('a webhook that hangs, with a head, half an answer or nothing, is given up on when its time is over, and its connection closed', async () => {
  for (const begin of [
    () => undefined,
    (response: ServerResponse) => void response.writeHead(200).flushHeaders(),
    (response: ServerResponse) => void response.writeHead(200).write('{"kind":"Admis'),
  ]) {
    const hung: string[] = []
    await using lab = await startWebhookLab(() => (_review, response) => {
      begin(response)
      response.on('close', () => hung.push('closed'))
    })
    const { client, server, api } = lab
    await mutatingWebhooks(client, 'hang', webhookTo(server, '/hang', { timeoutSeconds: 2 }))
    const made = refusal(client.create(configMaps, settings('a')))
    await server.received(1)
    await api.clock.advance(1_999)
    assert.deepEqual(hung, [])
    await api.clock.advance(1)
    assert.match(await made, /context deadline exceeded$/)
  }
})

test('a webhook that hangs on a hundred requests at once holds few connections, and nobody else', async () => {
  let [open, most] = [0, 0]
  await using lab = await startWebhookLab(() => (_review, response) => {
    most = Math.max(most, ++open)
    response.on('close', () => open--)
  })
  const { client, server, api } = lab
  await validatingWebhooks(client, 'hang', webhookTo(server, '/hang', { timeoutSeconds: 5, failurePolicy: 'Ignore' }))
  const making = Array.from({ length: 100 }, (_, index) => client.create(configMaps, settings(`c-${index}`)))
  await server.received(25)
  // What the webhook is not asked about is answered meanwhile, of the same namespace and by the same server.
  await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'work' } })
  assert.equal((await client.list(secrets, { namespace: 'work' })).items.length, 1)
  assert.deepEqual((await client.list(configMaps, { namespace: 'work' })).items, [])
  assert.equal(most, 25)
  await api.clock.advance(5_000)
  assert.equal((await Promise.all(making)).length, 100)
})

test('a flood of warnings and audit annotations is cut to what a head and an event may hold, and forges neither', async () => {
  const events: AuditEvent[] = []
  const rules = [
    { level: 'Metadata', users: ['kubernetes-admin'], resources: [{ group: '', resources: ['configmaps'] }] },
  ] as const
  await using stack = new AsyncDisposableStack()
  const api = stack.use(
    await startTestApiServer({
      audit: { policy: { omitStages: ['RequestReceived'], rules }, record: (event) => void events.push(event) },
    }),
  )
  const hostile = ['a\r\nX-Injected: yes', 'quo"te\\', 'caf\u00e9 \u2603 \u{1f600}', '', 'quo"te\\', '\ud800']
  const warnings = [...hostile, ...Array.from({ length: 20_000 }, (_, index) => `${index} ${'w'.repeat(300)}`.slice(0, 110))]
  let allowed = true
  const server = stack.use(
    await startWebhookServer(() => ({
      allowed,
      warnings: allowed ? warnings : hostile,
      auditAnnotations: {
        good: 'yes',
        'not a name': 'x',
        'other.example/key': 'x',
        '../climbs': 'x',
        '': 'x',
        ['k'.repeat(64)]: 'x',
      },
    })),
  )
  await validatingWebhooks(api.client, 'flood', webhookTo(server, '/flood'))
  const path = '/api/v1/namespaces/default/configmaps'
  const told = await ask(api, `POST ${path}`, { body: { ...settings('a'), metadata: { name: 'a' } } })
  assert.equal(told.code, 201)
  const header = told.headers['warning']!
  const shown = Buffer.from(header, 'latin1').toString()
  assert.ok(header.length < 16 * 1024 && shown.length > 4096, `${header.length} bytes`)
  assert.ok(
    shown.startsWith('299 - "quo\\"te\\\\", 299 - "caf\u00e9 \u2603 \u{1f600}", 299 - "\ufffd", 299 - "0 www'),
    shown.slice(0, 80),
  )
  assert.doesNotMatch(header, /[^\x20-\x7e\x80-\xff]|Injected/)
  assert.deepEqual(
    Object.entries(events[0]!.annotations ?? {}).filter(([key]) => !key.startsWith('authorization')),
    [['flood.hooks.example/good', 'yes']],
  )
  // Who is refused is warned as well.
  allowed = false
  const refused = await ask(api, `POST ${path}`, { body: { ...settings('b'), metadata: { name: 'b' } } })
  assert.equal(refused.code, 400)
  assert.match(refused.headers['warning'] ?? '', /^299 - "quo/)
  assert.equal((await api.client.get<ConfigMap>(configMaps, 'default/a')).data?.['bad'], undefined)
})
