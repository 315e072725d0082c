import assert from 'node:assert/strict'
import test from 'node:test'
import { ipAddresses, type Service, type ServiceSpec, serviceCIDRs, services } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { keptStore, startTestApiServer, type TestApiServer } from '#testing'
import { encodeForStore } from '../registry/object-version.ts'

const V4 = '10.96.0.0/12'
const V6 = 'fd00:10:96::/112'
/** What `--service-cluster-ip-range` says. */
const FORMS = { v4: [V4], v6: [V6], v4v6: [V4, V6], v6v4: [V6, V4] } as const

const service = (spec: ServiceSpec, name = 's'): Service => ({
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ port: 80 }], selector: { app: 's' }, ...spec },
})

/** Policy, families and addresses; addresses that were given by chance as their family. */
function shown({ spec }: Service): string {
  const { ipFamilyPolicy, ipFamilies = [], clusterIP, clusterIPs = [] } = spec!
  assert.equal(clusterIP ?? '', clusterIPs[0] ?? '', 'the one address is the first of all')
  const addresses = clusterIPs.map((ip) => (/^10\.(9[6-9]|1)|^fd00:10:96::/.test(ip) ? (ip.includes(':') ? 'a6' : 'a4') : ip))
  return `${ipFamilyPolicy} ${ipFamilies.join()} ${addresses.join()}`
}

const outcome = async (write: Promise<Service>): Promise<string> => {
  try {
    return shown(await write)
  } catch (error) {
    return (error as Error).message.replace(/^Service "s" is invalid: /, '')
  }
}

/** Addresses that are held for the Service, by their families. */
async function held({ client }: TestApiServer, name = 's'): Promise<string[]> {
  const { items } = await client.list(ipAddresses)
  const own = items.filter(({ spec }) => spec?.parentRef.name === name)
  return own.map(({ metadata }) => metadata!.labels!['ipaddress.kubernetes.io/ip-family']!).sort()
}

const NOT_DUAL = 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'
const BARE = { clusterIP: 'None', selector: {} }

const created: readonly (readonly [form: keyof typeof FORMS, spec: ServiceSpec, expected: string])[] = [
  ['v4', {}, 'SingleStack IPv4 a4'],
  ['v6', {}, 'SingleStack IPv6 a6'],
  ['v4v6', {}, 'SingleStack IPv4 a4'],
  ['v6v4', {}, 'SingleStack IPv6 a6'],
  ['v4', { ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack IPv4 a4'],
  ['v4v6', { ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack IPv4,IPv6 a4,a6'],
  ['v6v4', { ipFamilyPolicy: 'RequireDualStack' }, 'RequireDualStack IPv6,IPv4 a6,a4'],
  ['v4v6', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] }, 'RequireDualStack IPv6,IPv4 a6,a4'],
  ['v4v6', { ipFamilies: ['IPv6'] }, 'SingleStack IPv6 a6'],
  ['v4', { ipFamilyPolicy: 'RequireDualStack' }, NOT_DUAL],
  ['v4', { ipFamilies: ['IPv6'] }, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
  [
    'v4',
    { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] },
    `[${NOT_DUAL}, spec.ipFamilies[1]: Invalid value: "IPv6": not configured on this cluster]`,
  ],
  [
    'v4v6',
    { ipFamilies: ['IPv4', 'IPv6'] },
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
  ],
  [
    'v4v6',
    { clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7', 'fd00:10:96::77'] },
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified`,
  ],
  [
    'v4',
    { clusterIP: 'fd00:10:96::77' },
    'spec.clusterIPs[0]: Invalid value: ["fd00:10:96::77"]: IPv6 is not configured on this cluster',
  ],
  ['v4v6', { clusterIP: 'fd00:10:96::77' }, 'SingleStack IPv6 a6'],
  ['v4v6', { clusterIP: 'fd00:10:96::77', ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack IPv6,IPv4 a6,a4'],
  [
    'v4v6',
    { clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7', 'fd00:10:96::77'], ipFamilyPolicy: 'RequireDualStack' },
    'RequireDualStack IPv4,IPv6 a4,a6',
  ],
  [
    'v4v6',
    { clusterIP: '10.96.7.7', ipFamilies: ['IPv6'] },
    'spec.clusterIPs[0]: Invalid value: "10.96.7.7": expected an IPv6 value as indicated by `ipFamilies[0]`',
  ],
  [
    'v4v6',
    { clusterIPs: ['10.96.7.7'] },
    'spec.clusterIPs: Invalid value: ["10.96.7.7"]: must be empty when `clusterIP` is not specified',
  ],
  [
    'v4v6',
    { clusterIP: 'fd00:99::1' },
    'spec.clusterIPs: Invalid value: ["fd00:99::1"]: failed to allocate IP fd00:99::1: the provided network does not match the current range',
  ],
  // The network's own address is nobody's; its last is, in a range of IPv6.
  [
    'v6',
    { clusterIP: 'fd00:10:96::' },
    'spec.clusterIPs: Invalid value: ["fd00:10:96::"]: failed to allocate IP fd00:10:96::: the provided network does not match the current range',
  ],
  ['v6', { clusterIP: 'fd00:10:96::ffff' }, 'SingleStack IPv6 a6'],
  [
    'v4',
    { clusterIP: '10.111.255.255' },
    'spec.clusterIPs: Invalid value: ["10.111.255.255"]: failed to allocate IP 10.111.255.255: the provided network does not match the current range',
  ],
  ['v4', { clusterIP: 'None' }, 'SingleStack IPv4 None'],
  ['v6v4', { clusterIP: 'None' }, 'SingleStack IPv6 None'],
  ['v6v4', { clusterIP: 'None', ipFamilyPolicy: 'PreferDualStack' }, 'PreferDualStack IPv6,IPv4 None'],
  ['v4', { clusterIP: 'None', ipFamilyPolicy: 'RequireDualStack' }, NOT_DUAL],
  ['v4', BARE, 'RequireDualStack IPv4,IPv6 None'],
  ['v6', BARE, 'RequireDualStack IPv6,IPv4 None'],
  ['v4', { ...BARE, ipFamilyPolicy: 'SingleStack' }, 'SingleStack IPv4 None'],
  ['v4', { ...BARE, ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] }, 'SingleStack IPv6 None'],
  ['v4', { ...BARE, ipFamilies: ['IPv6'] }, 'RequireDualStack IPv6,IPv4 None'],
  ['v4v6', { type: 'ExternalName', externalName: 'example.com' }, 'undefined  '],
  [
    'v4v6',
    { ipFamilyPolicy: 'Both', ipFamilies: ['IPv5'] },
    '[spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6", spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"]',
  ],
]

test('what a Service is given, by the families of the cluster', async (context) => {
  for (const [form, ranges] of Object.entries(FORMS)) {
    await using api = await startTestApiServer({ serviceClusterIPRanges: ranges })
    for (const [, spec, expected] of created.filter(([of]) => of === form)) {
      await context.test(`${form}: ${JSON.stringify(spec)}`, async () => {
        const answer = await outcome(api.client.create(services, service(spec)))
        assert.equal(answer, expected)
        const wanted = expected.split(' ')[2]?.match(/a\d/g) ?? []
        const families = wanted.map((each) => (each === 'a4' ? 'IPv4' : 'IPv6')).sort()
        assert.deepEqual(await held(api), /^(\w+Stack|undefined) /.test(expected) ? families : [])
        if (/^(\w+Stack|undefined) /.test(expected)) await api.client.delete(services, 'default/s')
        assert.deepEqual(await held(api), [])
      })
    }
  }
})

const DUAL = { ipFamilyPolicy: 'RequireDualStack' }

const changed: readonly (readonly [name: string, spec: ServiceSpec, patch: object, expected: string, held: string[]])[] = [
  ['to two families', {}, DUAL, 'RequireDualStack IPv4,IPv6 a4,a6', ['IPv4', 'IPv6']],
  [
    'to two families, if there are',
    {},
    { ipFamilyPolicy: 'PreferDualStack' },
    'PreferDualStack IPv4,IPv6 a4,a6',
    ['IPv4', 'IPv6'],
  ],
  [
    'to a second address of choice',
    { clusterIP: '10.96.7.7' },
    { ...DUAL, clusterIPs: ['10.96.7.7', 'fd00:10:96::77'] },
    'RequireDualStack IPv4,IPv6 a4,a6',
    ['IPv4', 'IPv6'],
  ],
  [
    'a second address under a policy of one',
    { clusterIP: '10.96.7.7' },
    { clusterIPs: ['10.96.7.7', 'fd00:10:96::77'] },
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified`,
    ['IPv4'],
  ],
  ['to one family', DUAL, { ipFamilyPolicy: 'SingleStack' }, 'SingleStack IPv4 a4', ['IPv4']],
  [
    'to one family, the other not in its place',
    { ...DUAL, ipFamilies: ['IPv6'] },
    { ipFamilyPolicy: 'SingleStack' },
    'SingleStack IPv6 a6',
    ['IPv6'],
  ],
  [
    'the second family goes without a word',
    DUAL,
    { ipFamilies: ['IPv4'] },
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary IP family`,
    ['IPv4', 'IPv6'],
  ],
  [
    'the second address goes without a word',
    { ...DUAL, clusterIP: '10.96.7.7' },
    { clusterIPs: ['10.96.7.7'] },
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary cluster IP`,
    ['IPv4', 'IPv6'],
  ],
  [
    'families change places',
    DUAL,
    { ipFamilies: ['IPv6', 'IPv4'] },
    /^\[spec\.clusterIPs\[0\]: Invalid value: "10\.[\d.]+": expected an IPv6 value as indicated by `ipFamilies\[0\]`, spec\.clusterIPs\[1\]/
      .source,
    ['IPv4', 'IPv6'],
  ],
  [
    'its policy is left out, its address too',
    DUAL,
    { ipFamilyPolicy: null, clusterIP: null, clusterIPs: null },
    'RequireDualStack IPv4,IPv6 a4,a6',
    ['IPv4', 'IPv6'],
  ],
  ['its one address is cleared', DUAL, { clusterIP: '' }, 'RequireDualStack IPv4,IPv6 a4,a6', ['IPv4', 'IPv6']],
  [
    'its one address alone changes',
    { clusterIP: '10.96.7.7' },
    { clusterIP: '10.96.7.8' },
    'spec.clusterIPs[0]: Invalid value: ["10.96.7.8"]: may not change once set',
    ['IPv4'],
  ],
  [
    'all addresses but the one change',
    { clusterIP: '10.96.7.7' },
    { clusterIPs: ['10.96.7.8'] },
    'spec.clusterIPs: Invalid value: ["10.96.7.8"]: first value must match `clusterIP`',
    ['IPv4'],
  ],
  ['to a mere name', DUAL, { type: 'ExternalName', externalName: 'example.com' }, 'undefined  ', []],
  [
    'to a mere name with families of its own',
    {},
    { type: 'ExternalName', externalName: 'example.com', ipFamilies: ['IPv6'] },
    'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
    ['IPv4'],
  ],
  [
    'from a mere name',
    { type: 'ExternalName', externalName: 'example.com' },
    { type: 'ClusterIP', externalName: null },
    'SingleStack IPv4 a4',
    ['IPv4'],
  ],
  [
    'from a mere name to two families',
    { type: 'ExternalName', externalName: 'example.com' },
    { type: 'ClusterIP', externalName: null, ...DUAL, ipFamilies: ['IPv6'] },
    'RequireDualStack IPv6,IPv4 a6,a4',
    ['IPv4', 'IPv6'],
  ],
  ['to ports of nodes, too', DUAL, { type: 'NodePort' }, 'RequireDualStack IPv4,IPv6 a4,a6', ['IPv4', 'IPv6']],
  ['a headless one to two families', { clusterIP: 'None' }, DUAL, 'RequireDualStack IPv4,IPv6 None', []],
]

test('what an update makes of families and addresses', async (context) => {
  await using api = await startTestApiServer({ serviceClusterIPRanges: FORMS.v4v6 })
  for (const [name, spec, patch, expected, kept] of changed) {
    await context.test(name, async () => {
      const before = await api.client.create(services, service(spec))
      const dry = await outcome(api.client.patch(services, 'default/s', { spec: patch }, { type: 'merge', dryRun: true }))
      assert.deepEqual([(await api.client.get(services, 'default/s')).spec, await held(api)], [before.spec, await held(api)])
      const answer = await outcome(api.client.patch(services, 'default/s', { spec: patch }, { type: 'merge' }))
      if (expected.startsWith('^')) assert.match(answer, new RegExp(expected))
      else assert.equal(answer, expected)
      assert.equal(dry, answer, 'a dry run says the same')
      assert.deepEqual(await held(api), kept)
      await api.client.delete(services, 'default/s')
      assert.deepEqual(await held(api), [])
    })
  }
})

test('a Service that prefers two families keeps those it has when the cluster gains or loses one', async () => {
  await using kept = openMemoryStore({ clock: new VirtualClock() })
  const store = keptStore(kept)
  const update = async (form: keyof typeof FORMS, patch: object): Promise<string> => {
    await using api = await startTestApiServer({ serviceClusterIPRanges: FORMS[form], store })
    return await outcome(api.client.patch(services, 'default/s', patch, { type: 'merge' }))
  }
  {
    await using api = await startTestApiServer({ serviceClusterIPRanges: FORMS.v4, store })
    await api.client.create(services, service({ ipFamilyPolicy: 'PreferDualStack' }))
  }
  assert.equal(await update('v4v6', { metadata: { labels: { a: 'b' } } }), 'PreferDualStack IPv4 a4')
  assert.equal(await update('v4v6', { spec: DUAL }), 'RequireDualStack IPv4,IPv6 a4,a6')
  assert.equal(await update('v4v6', { spec: { ipFamilyPolicy: 'PreferDualStack' } }), 'PreferDualStack IPv4,IPv6 a4,a6')
  assert.equal(await update('v4', { metadata: { labels: { a: 'c' } } }), 'PreferDualStack IPv4,IPv6 a4,a6')
  assert.equal(await update('v4', { spec: { ipFamilyPolicy: 'SingleStack' } }), 'SingleStack IPv4 a4')
})

test('an address that can not be had leaves nothing of the other behind', async () => {
  await using api = await startTestApiServer({ serviceClusterIPRanges: ['10.96.0.0/12', 'fd00:10:96::/127'] })
  const dual = (name: string): Service => service({ ...DUAL }, name)
  await api.client.create(services, dual('first'))
  await assert.rejects(api.client.create(services, dual('second')), {
    code: 500,
    message: 'Internal error occurred: failed to allocate a serviceIP: range is full',
  })
  assert.deepEqual(await held(api, 'second'), [])
  const taken = service({ ...DUAL, clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7', 'fd00:10:96::1'] }, 'third')
  await assert.rejects(
    api.client.create(services, taken),
    /spec\.clusterIPs: Invalid value: \["10\.96\.7\.7","fd00:10:96::1"\]: failed to allocate IP fd00:10:96::1: provided IP is already allocated/,
  )
  assert.deepEqual(await held(api, 'third'), [])
})

test('when a range is full, addresses come from another of its family', async () => {
  await using api = await startTestApiServer({ serviceClusterIPRanges: ['10.96.0.0/30', 'fd00:10:96::/126'] })
  const { client } = api
  const make = async (name: string): Promise<readonly string[]> =>
    (await client.create(services, service({ ...DUAL }, name))).spec!.clusterIPs!
  assert.deepEqual((await make('a'))[0], '10.96.0.2', 'the last one of IPv4')
  await assert.rejects(make('b'), /range is full/)
  const range = (name: string, ...cidrs: string[]) => client.create(serviceCIDRs, { metadata: { name }, spec: { cidrs } })
  await range('four', '10.97.0.0/24')
  assert.match((await make('b')).join(), /^10\.97\.0\.\d+,fd00:10:96::[123]$/)
  assert.match((await make('c')).join(), /^10\.97\.0\.\d+,fd00:10:96::[123]$/)
  await assert.rejects(make('d'), /range is full/)
  await range('too-large', 'fd00:10::/48')
  await assert.rejects(make('d'), /range is full/)
  await range('both', '10.98.0.0/24', 'fd00:10:98::/112')
  assert.match((await make('d')).join(), /^10\.9[78]\.0\.\d+,fd00:10:98::[0-9a-f]+$/)
})

test('an address is one in whatever spelling', async () => {
  await using api = await startTestApiServer({ serviceClusterIPRanges: FORMS.v6v4 })
  const { spec } = await api.client.create(services, service({ clusterIP: 'FD00:10:96:0::0077' }))
  assert.deepEqual(spec?.clusterIPs, ['FD00:10:96:0::0077'])
  assert.equal((await api.client.get(ipAddresses, 'fd00:10:96::77')).spec?.parentRef.name, 's')
  await assert.rejects(
    api.client.create(services, service({ clusterIP: 'fd00:10:96::77' }, 'other')),
    /provided IP is already allocated/,
  )
  await api.client.delete(services, 'default/s')
  assert.deepEqual(await held(api), [])
})

const before: readonly (readonly [name: string, form: keyof typeof FORMS, spec: ServiceSpec, expected: string])[] = [
  ['one address', 'v4v6', { type: 'ClusterIP', clusterIP: '10.96.7.7' }, 'SingleStack IPv4 a4'],
  ['one of the other family', 'v4v6', { type: 'ClusterIP', clusterIP: 'fd00:10:96::7' }, 'SingleStack IPv6 a6'],
  [
    'two',
    'v4v6',
    { type: 'ClusterIP', clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7', 'fd00:10:96::7'] },
    'RequireDualStack IPv4,IPv6 a4,a6',
  ],
  ['headless', 'v6', { type: 'ClusterIP', clusterIP: 'None', selector: { a: 'b' } }, 'SingleStack IPv6 None'],
  ['bare', 'v6', { type: 'ClusterIP', clusterIP: 'None' }, 'RequireDualStack IPv6,IPv4 None'],
  ['a mere name', 'v4v6', { type: 'ExternalName', externalName: 'example.com', internalTrafficPolicy: 'Cluster' }, 'undefined  '],
]

test('a Service that was stored before it had families is shown with them, and stored so when it is written', async (context) => {
  for (const [name, form, spec, expected] of before) {
    await context.test(name, async () => {
      const stored = { apiVersion: 'v1', kind: 'Service', ...service(spec) }
      stored.metadata = { ...stored.metadata!, uid: 'u', creationTimestamp: '2020-01-01T00:00:00Z' }
      stored.spec = { ports: [{ port: 80 }], ...spec }
      await using kept = openMemoryStore({ clock: new VirtualClock() })
      const key = '/registry/services/specs/default/s'
      await kept.put(key, encodeForStore(stored), { expected: 0 })
      await using api = await startTestApiServer({ serviceClusterIPRanges: FORMS[form], store: keptStore(kept) })
      assert.equal(shown(await api.client.get(services, 'default/s')), expected)
      const { items } = await api.client.list(services, { namespace: 'default', fieldSelector: 'metadata.name=s' })
      assert.deepEqual(items.map(shown), [expected])
      assert.equal(items[0]!.spec!.internalTrafficPolicy, undefined)
      for await (const event of api.client.watch(services, {
        namespace: 'default',
        fieldSelector: 'metadata.name=s',
        timeoutSeconds: 1,
      })) {
        if (event.type !== 'BOOKMARK') assert.equal(shown(event.object), expected)
        break
      }
      const isComplete = async (): Promise<boolean> => Buffer.from((await kept.get(key))!.value).includes('"ipFamilies"')
      assert.equal(await isComplete(), false)
      const changed = await api.client.patch(services, 'default/s', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
      assert.equal(shown(changed), expected)
      assert.equal(await isComplete(), spec.type !== 'ExternalName')
    })
  }
})
