import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { configMaps, events, type Pod, pods, priorityClasses, resourceQuotas, type Toleration } from '#api'
import { systemClock, systemRandom } from '#base'
import { type Kubeconfig, printKubeconfig } from '#client'
import { createAuthority } from '#cluster'
import {
  makeNamespace,
  mutatingWebhooks,
  podOf,
  refusal,
  settings,
  startAdmissionTest,
  startHttpsServer,
  type TestHttpsServer,
  validatingWebhooks,
} from '#testing'

type Configuration = Readonly<Record<string, unknown>>

/** A server whose plugins are told so; those that are off by default run. */
const startWith = (plugins: Readonly<Record<string, Configuration>>, on: readonly string[] = Object.keys(plugins)) =>
  startAdmissionTest({
    admission: {
      enable: [...on],
      configuration: { plugins: Object.entries(plugins).map(([name, configuration]) => ({ name, configuration })) },
    },
  })

function folderOf(context: TestContext): { readonly path: (name: string) => string; write(name: string, text: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 't8s-admission-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = (name: string): string => join(folder, name)
  return {
    path,
    write(name, text) {
      writeFileSync(path(name), text)
      return path(name)
    },
  }
}

const limit = (type: string, qps: number, burst: number, cacheSize?: number) => ({
  type,
  qps,
  burst,
  ...(cacheSize !== undefined && { cacheSize }),
})

const rates = (...limits: object[]): Configuration => ({
  apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1',
  kind: 'Configuration',
  limits,
})

const eventOf = (name: string, about: string, namespace = 'work') => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace },
  involvedObject: { kind: 'Pod', namespace, name: about },
  source: { component: 'test' },
  reason: 'Tested',
  message: 'm',
  type: 'Normal',
})

test('EventRateLimit counts events for the server, a namespace, a user, and what they are about', async () => {
  await using api = await startWith({
    EventRateLimit: rates(limit('SourceAndObject', 1, 2), limit('Namespace', 10, 4), limit('User', 1, 3)),
  })
  const { client, clock } = api
  const user = (username: string) => api.clientFor({ username, groups: ['system:masters'] })
  const send = (name: string, about: string, by = 'kubernetes-admin', namespace = 'work') =>
    user(by).create(events, eventOf(name, about, namespace))
  await send('a', 'p')
  await send('b', 'p')
  assert.equal(await refusal(send('c', 'p')), 'Too many requests: limit reached on type SourceAndObject for key testPodworkp')
  assert.equal(await refusal(send('d', 'q')), 'Too many requests: limit reached on type User for key kubernetes-admin')
  // The refused ones were counted, too: the namespace's four are used.
  assert.equal(await refusal(send('e', 'r', 'ann')), 'Too many requests: limit reached on type Namespace for key work')
  await makeNamespace(client, 'other')
  await send('e', 'r', 'ann', 'other')
  // An update is an event, and other kinds are none.
  await client.create(configMaps, settings('free'))
  await clock.advance(1000)
  await send('f', 'p')
  const patched = client.patch(events, 'work/f', { message: 'again' }, { type: 'merge' })
  assert.match(await refusal(patched), /limit reached on type (User|SourceAndObject)/)
})

test('EventRateLimit forgets the key that was not seen for longest, and needs a configuration that makes sense', async () => {
  await using api = await startWith({ EventRateLimit: rates(limit('SourceAndObject', 1, 1, 2)) })
  for (const about of ['a', 'b', 'c', 'a']) await api.client.create(events, eventOf(systemRandom.suffix(8), about))
  assert.match(await refusal(api.client.create(events, eventOf('x', 'a'))), /limit reached/)
  await assert.rejects(startWith({}, ['EventRateLimit']), {
    message: `couldn't init admission plugin "EventRateLimit": no configuration is given for it`,
  })
  await assert.rejects(startWith({ EventRateLimit: rates(limit('Cluster', 0, -1, -1)) }), {
    message:
      'couldn\'t init admission plugin "EventRateLimit": [limits[0].type: Unsupported value: "Cluster": supported values: "Namespace", "Server", "SourceAndObject", "User", limits[0].burst: Invalid value: -1: must be positive, limits[0].qps: Invalid value: 0: must be positive, limits[0].cacheSize: Invalid value: -1: must not be negative]',
  })
})

/** A kubeconfig that leads to a server of the test. */
const kubeconfigOf = (server: TestHttpsServer, path: string): Promise<string> =>
  printKubeconfig({
    clusters: [
      {
        name: 'c',
        cluster: { server: `https://127.0.0.1:${server.port}${path}`, 'certificate-authority-data': server.caBundle },
      },
    ],
    users: [{ name: 'u', user: { token: 'of the API server' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })

test('ImagePolicyWebhook asks whether images may run, remembers the answer, and does as it is told when there is none', async (context) => {
  const folder = folderOf(context)
  let mode: 'answer' | 'nonsense' | 'down' = 'answer'
  await using server = await startHttpsServer(['127.0.0.1'], ({ body }, response) => {
    if (mode === 'down') return void response.writeHead(500).end()
    const { apiVersion, kind, spec } = JSON.parse(body) as { spec: { containers: { image: string }[] } } & Configuration
    const bad = spec.containers.some(({ image }) => image.includes('bad'))
    const status = { allowed: !bad, ...(bad && { reason: 'too old' }), auditAnnotations: { checked: 'yes' } }
    return mode === 'nonsense' ? { apiVersion, kind: 'Odd', status } : { apiVersion, kind, status }
  })
  const kubeConfigFile = folder.write('images.kubeconfig', await kubeconfigOf(server, '/policy'))
  const settingsOf = (more: object): Configuration => ({ imagePolicy: { kubeConfigFile, allowTTL: 50, denyTTL: -1, ...more } })
  await using api = await startWith({ ImagePolicyWebhook: settingsOf({}) })
  const { client, clock } = api
  const withImage = (name: string, image: string, annotations: Record<string, string> = {}): Pod => {
    const pod = podOf(name, { containers: [{ name: 'main', image }], initContainers: [{ name: 'first', image: 'init' }] })
    return { ...pod, metadata: { ...pod.metadata, annotations } }
  }
  await client.create(pods, withImage('one', 'good', { 'team.image-policy.k8s.io/ticket': '7', other: 'no' }))
  const [asked] = server.requests
  assert.deepEqual([asked?.path, asked?.headers.authorization], ['/policy', 'Bearer of the API server'])
  assert.deepEqual(JSON.parse(asked!.body), {
    kind: 'ImageReview',
    apiVersion: 'imagepolicy.k8s.io/v1alpha1',
    metadata: {},
    spec: {
      containers: [{ image: 'good' }, { image: 'init' }],
      annotations: { 'team.image-policy.k8s.io/ticket': '7' },
      namespace: 'work',
    },
    status: { allowed: false },
  })
  await client.create(pods, withImage('two', 'good', { 'team.image-policy.k8s.io/ticket': '7' }))
  assert.equal(server.requests.length, 1, 'an answer is remembered')
  await clock.advance(51_000)
  await client.create(pods, withImage('three', 'good', { 'team.image-policy.k8s.io/ticket': '7' }))
  assert.equal(server.requests.length, 2, 'and forgotten')
  for (const name of ['four', 'five'])
    assert.equal(
      await refusal(client.create(pods, withImage(name, 'bad'))),
      `pods "${name}" is forbidden: image policy webhook backend denied one or more images: too old`,
    )
  assert.equal(server.requests.length, 4, 'refusals are not remembered here')

  mode = 'nonsense'
  assert.equal(
    await refusal(client.create(pods, withImage('six', 'new'))),
    'pods "six" is forbidden: the image policy webhook answered with no ImageReview',
  )
  await using lenient = await startWith({ ImagePolicyWebhook: settingsOf({ defaultAllow: true, retryBackoff: 1 }) })
  await lenient.client.create(pods, withImage('six', 'new'))
  mode = 'down'
  const before = server.requests.length
  const trying = lenient.client.create(pods, withImage('seven', 'newer'))
  let isDone = false
  void trying.then(() => (isDone = true))
  while (!isDone) {
    // What the server sent has to come through a socket.
    await new Promise((resolve) => setImmediate(resolve))
    await lenient.clock.advance(1)
  }
  assert.equal(server.requests.length - before, 5, 'a webhook that fails is asked five times')
  for (const [configuration, said] of [
    [{ imagePolicy: {} }, /imagePolicy.kubeConfigFile is missing/],
    [settingsOf({ allowTTL: 1801 }), /imagePolicy.allowTTL takes a whole number of seconds up to 1800, not 1801/],
    [settingsOf({ kubeConfigFile: '/none' }), /cannot read the kubeconfig \/none: ENOENT/],
  ] as const)
    await assert.rejects(startWith({ ImagePolicyWebhook: configuration }), said)
})

test('webhooks are shown what a kubeconfig has for them: by host and port, by domain, or for all', async (context) => {
  const folder = folderOf(context)
  const authority = await createAuthority('clients', { clock: systemClock, random: systemRandom })
  const pair = await authority.issue({ commonName: 'the-api-server', usages: ['client'] })
  await using server = await startHttpsServer(['127.0.0.1', 'localhost'], ({ body }) => {
    const review = JSON.parse(body) as { apiVersion: string; kind: string; request: { uid: string } }
    return { apiVersion: review.apiVersion, kind: review.kind, response: { uid: review.request.uid, allowed: true } }
  })
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  const kubeconfig: Kubeconfig = {
    users: [
      {
        name: `127.0.0.1:${server.port}`,
        user: { 'client-certificate-data': encode(pair.certificate), 'client-key-data': encode(pair.key) },
      },
      { name: '*', user: { tokenFile: 'token' } },
    ],
  }
  folder.write('token', 'for all\n')
  const kubeConfigFile = folder.write('webhooks.kubeconfig', await printKubeconfig(kubeconfig))
  const told = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'WebhookAdmissionConfiguration', kubeConfigFile }
  await using api = await startWith({ MutatingAdmissionWebhook: told, ValidatingAdmissionWebhook: told })
  const hook = (name: string, host: string) => ({
    name,
    clientConfig: { url: `https://${host}:${server.port}/${name}`, caBundle: server.caBundle },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  })
  await mutatingWebhooks(api.client, 'm', hook('exact.example.com', '127.0.0.1'))
  await validatingWebhooks(api.client, 'v', hook('other.example.com', 'localhost'))
  await api.client.create(configMaps, settings('one'))
  assert.deepEqual(
    server.requests.map(({ path, client, headers }) => [path.split('?')[0], client, headers.authorization]),
    [
      ['/exact.example.com', 'the-api-server', undefined],
      ['/other.example.com', undefined, 'Bearer for all'],
    ],
  )
  // A token is read for each request, as whoever rotates it expects.
  folder.write('token', 'another')
  await api.client.create(configMaps, settings('two'))
  assert.equal(server.requests.at(-1)?.headers.authorization, 'Bearer another')
  await assert.rejects(startWith({ ValidatingAdmissionWebhook: { ...told, kubeConfigFile: 'here' } }), {
    message:
      'couldn\'t init admission plugin "ValidatingAdmissionWebhook": kubeConfigFile: Invalid value: "here": must be an absolute file path',
  })
})

const limited = (...limitedResources: object[]): Configuration => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'ResourceQuotaConfiguration',
  limitedResources,
})

test('what is limited is used only where a quota says how much', async () => {
  const matchScopes = [{ scopeName: 'PriorityClass', operator: 'In', values: ['urgent'] }]
  await using api = await startWith(
    { ResourceQuota: limited({ resource: 'pods', matchScopes }, { resource: 'pods', matchContains: ['requests.cpu'] }) },
    [],
  )
  const { client } = api
  await client.create(priorityClasses, {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'urgent' },
    value: 1000,
  })
  const urgent = (name: string): Pod => podOf(name, { priorityClassName: 'urgent' })
  const hungry = podOf('hungry', { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] })
  const uncovered = 'insufficient quota to match these scopes: [{PriorityClass In [urgent]}]'
  assert.equal(await refusal(client.create(pods, urgent('a'))), uncovered)
  assert.equal(
    await refusal(client.create(pods, hungry)),
    'pods "hungry" is forbidden: insufficient quota to consume: requests.cpu',
  )
  await client.create(pods, podOf('modest'))
  const quota = (name: string, spec: object, hard: Record<string, string>) => ({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name, namespace: 'work' },
    spec: { hard, ...spec },
    status: { hard, used: Object.fromEntries(Object.keys(hard).map((key) => [key, '0'])) },
  })
  const made = async (name: string, spec: object, hard: Record<string, string>): Promise<void> => {
    const { status, ...rest } = quota(name, spec, hard)
    await client.create(resourceQuotas, rest)
    await client.patch(resourceQuotas, `work/${name}`, { status }, { type: 'merge', subresource: 'status' })
  }
  await made('urgent', { scopeSelector: { matchExpressions: matchScopes } }, { pods: '1' })
  await made('cpu', {}, { 'requests.cpu': '1500m' })
  await client.create(pods, podOf('b', { priorityClassName: 'urgent', ...hungry.spec, containers: hungry.spec!.containers }))
  assert.match(await refusal(client.create(pods, hungry)), /exceeded quota: cpu, requested: requests.cpu=1/)
  await assert.rejects(startWith({ ResourceQuota: limited({}) }, []), {
    message: 'couldn\'t init admission plugin "ResourceQuota": limitedResources[0].resource: Required value',
  })
})

test('PodTolerationRestriction and PodNodeSelector have what holds in namespaces that say nothing', async () => {
  const team: Toleration = { key: 'team', operator: 'Equal', value: 'a', effect: 'NoSchedule' }
  const group = 'podtolerationrestriction.admission.k8s.io'
  const tolerations = (more: object): Configuration => ({ apiVersion: `${group}/v1alpha1`, kind: 'Configuration', ...more })
  const selectors = { podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: 'zone=a', work: 'zone=a, disk=ssd' } }
  await using api = await startAdmissionTest({
    admission: {
      enable: ['PodTolerationRestriction', 'PodNodeSelector'],
      disable: ['DefaultTolerationSeconds'],
      configuration: {
        plugins: [
          {
            name: 'PodTolerationRestriction',
            configuration: tolerations({ default: [team], whitelist: [{ key: 'team', operator: 'Exists' }] }),
          },
          { name: 'PodNodeSelector', configuration: selectors },
        ],
      },
    },
  })
  const { client } = api
  const { spec } = await client.create(pods, podOf('a', { nodeSelector: { disk: 'ssd' } }))
  assert.deepEqual([spec?.tolerations, spec?.nodeSelector], [[team], { zone: 'a', disk: 'ssd' }])
  const why = 'pod tolerations (possibly merged with namespace default tolerations) conflict with its cluster whitelist'
  assert.equal(
    await refusal(client.create(pods, podOf('b', { tolerations: [{ key: 'other', operator: 'Exists' }] }))),
    `pods "b" is forbidden: ${why}`,
  )
  assert.equal(
    await refusal(client.create(pods, podOf('c', { nodeSelector: { disk: 'hdd' } }))),
    'pods "c" is forbidden: pod node label selector labels conflict with its namespace whitelist',
  )
  await assert.rejects(startWith({ PodTolerationRestriction: tolerations({ default: [{ operator: 'Sometimes', key: 'a' }] }) }), {
    message:
      'couldn\'t init admission plugin "PodTolerationRestriction": default[0].operator: Unsupported value: "Sometimes": supported values: "Equal", "Exists"',
  })
  await assert.rejects(startWith({ PodNodeSelector: { podNodeSelectorPluginConfig: ['a'] } }), /takes selectors by namespace/)
})

test('a configuration is a file, whose parts may be files beside it; what is wrong with one is told in a sentence', async (context) => {
  const folder = folderOf(context)
  const start = (configuration: string) => startAdmissionTest({ admission: { enable: ['PodNodeSelector'], configuration } })
  const security = (more: string): string =>
    `apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n${more}`
  folder.write('security.yaml', security('defaults: { enforce: baseline }\n'))
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n'
  const good = folder.write('good.yaml', `${head}plugins: [{ name: PodSecurity, path: security.yaml }]\n`)
  const privileged: Partial<NonNullable<Pod['spec']>> = { hostNetwork: true }
  {
    await using api = await start(good)
    assert.match(await refusal(api.client.create(pods, podOf('p', privileged))), /violates PodSecurity "baseline:latest"/)
  }
  {
    // A file of no kind is that of the plugins that once had it to themselves.
    await using api = await start(
      folder.write('legacy.yaml', 'podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: zone=a }\n'),
    )
    assert.deepEqual((await api.client.create(pods, podOf('p'))).spec?.nodeSelector, { zone: 'a' })
  }
  const wrong: [text: string, said: string | RegExp][] = [
    ['kind: Odd\napiVersion: v1\n', 'no kind "Odd" is registered for version "v1"'],
    [`${head}plugin: []\n`, 'strict decoding error: unknown field "plugin"'],
    ['nothing', /Object 'Kind' is missing/],
    [
      `${head}plugins: [{ name: PodSecurity, path: none.yaml }]\n`,
      /couldn't init admission plugin "PodSecurity": ENOENT.*none\.yaml/,
    ],
    [
      `${head}plugins: [{ name: PodSecurity, configuration: { kind: Pod, apiVersion: v1 } }]\n`,
      /no kind "Pod" is registered for version "v1"/,
    ],
  ]
  for (const [text, message] of wrong) await assert.rejects(start(folder.write('wrong.yaml', text)), { message })
  folder.write(
    'security.yaml',
    security(
      "defaults: { enforce: strict, warn-version: '1.30' }\nexemptions: { usernames: [''], namespaces: [a, a, B_], runtimeClasses: [x] }\n",
    ),
  )
  await assert.rejects(start(good), {
    message:
      /\[defaults\.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted, defaults\.warn-version: Invalid value: "1\.30": must be "latest" or "v1\.x", exemptions\.namespaces\[1\]: Duplicate value: "a", exemptions\.namespaces\[2\]: Invalid value: "B_": .*, exemptions\.usernames\[0\]: Required value\]/,
  })
  await assert.rejects(start(folder.path('none')), {
    message: /unable to read admission control configuration from ".*none" \[ENOENT/,
  })
})
