import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources, apiServices, clusterTrustBundles, clusterTrustBundlesV1alpha1, pods } from '#api'
import { FeatureGates, VirtualClock } from '#base'
import { apiVersionOf } from '#meta'
import { openMemoryStore } from '#store'
import { ask, keptStore, startTestApiServer } from '#testing'
import { enabledResources, parseRuntimeConfig } from './api-enablement.ts'

const GATE = { ClusterTrustBundle: true }
const on = new FeatureGates(GATE)

const served = (text: string, gates = on): string[] => [
  ...new Set(enabledResources(parseRuntimeConfig(text), gates).map((each) => apiVersionOf(each))),
]

test('GA versions are served unless they are turned off, others only when they are turned on', () => {
  assert.equal(enabledResources({}, on), allResources)
  assert.deepEqual(
    served('certificates.k8s.io/v1beta1').filter((each) => each.startsWith('certificates')),
    ['certificates.k8s.io/v1', 'certificates.k8s.io/v1beta1'],
  )
  assert.ok(
    !served('certificates.k8s.io/v1beta1=true', new FeatureGates()).includes('certificates.k8s.io/v1beta1'),
    'the gate is off',
  )
  assert.ok(served('api/beta').includes('certificates.k8s.io/v1beta1'))
  assert.ok(!served('api/beta').includes('certificates.k8s.io/v1alpha1'))
  assert.ok(served('api/all=1').includes('certificates.k8s.io/v1alpha1'))
  assert.ok(!served('batch/v1=false').includes('batch/v1'))
  assert.deepEqual(served('api/all=false,batch/v1=true'), ['batch/v1'])
  assert.deepEqual(served('api/all=true,api/ga=false,api/alpha=false'), ['certificates.k8s.io/v1beta1'])
  const names = enabledResources(parseRuntimeConfig('batch/v1=false,batch/v1/jobs=true'), on).filter(
    ({ group }) => group === 'batch',
  )
  assert.deepEqual(
    names.map((each) => each.names.plural),
    ['jobs'],
  )
})

test('a configuration that can not be meant is refused in upstream’s words', () => {
  const wrong: Readonly<Record<string, string>> = {
    'api/all=false': 'invalid key with only api/all=false',
    apiall: 'runtime-config invalid key apiall',
    'a/b/c/d': 'runtime-config invalid key a/b/c/d',
    'api/v1,nowhere.io/v1=false': 'unknown api groups api,nowhere.io',
    'batch/v9': 'group version batch/v9 that has not been registered',
    'batch/v1=maybe': 'invalid value of batch/v1: maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax',
  }
  for (const [text, message] of Object.entries(wrong))
    assert.throws(() => enabledResources(parseRuntimeConfig(text), on), { message })
  // Of a version that is not there, there is nothing to turn off.
  assert.equal(enabledResources({ 'storage.k8s.io/v1beta1': false }, on).length, allResources.length)
})

test('a version that is turned off is not found, and in no discovery or OpenAPI document; what was registered of it goes', async () => {
  await using store = openMemoryStore({ clock: new VirtualClock() })
  {
    await using before = await startTestApiServer({ store: keptStore(store) })
    assert.equal((await ask(before, 'GET /apis/batch/v1/jobs')).code, 200)
    assert.ok(await before.client.find(apiServices, 'v1.batch'))
  }
  await using api = await startTestApiServer({ store: keptStore(store), runtimeConfig: { 'batch/v1': false } })
  assert.equal((await ask(api, 'GET /apis/batch/v1/namespaces/default/jobs')).code, 404)
  assert.equal((await ask(api, 'GET /apis/batch/v1')).code, 404)
  assert.equal((await ask(api, 'GET /apis/batch')).code, 404)
  const groups = (await ask(api, 'GET /apis')).object as unknown as { groups: { name: string }[] }
  assert.ok(groups.groups.every(({ name }) => name !== 'batch'))
  assert.doesNotMatch((await ask(api, 'GET /openapi/v2')).text, /\/apis\/batch/)
  assert.doesNotMatch((await ask(api, 'GET /openapi/v3')).text, /batch/)
  assert.equal((await ask(api, 'GET /apis/apps/v1/deployments')).code, 200)
  assert.equal(await api.client.find(apiServices, 'v1.batch'), undefined)
})

test('a server comes up with every group but the first turned off', async () => {
  const off = allResources.filter(({ group }) => group !== '').map((each) => [apiVersionOf(each), false])
  await using api = await startTestApiServer({ runtimeConfig: Object.fromEntries(off) })
  assert.deepEqual((await api.client.list(pods)).items, [])
  const { groups } = (await ask(api, 'GET /apis')).object as unknown as { groups: unknown[] }
  assert.deepEqual(groups, [])
})

test('what is on is told by a metric, and what is set without an effect in the log', async () => {
  const said: string[] = []
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (text: string, data?: object) => void said.push(`${text} ${JSON.stringify(data)}`),
  }
  await using api = await startTestApiServer({
    featureGates: { ...GATE, WatchList: false },
    log: { ...log, child: () => log } as never,
  })
  const text = (await ask(api, 'GET /metrics')).text
  assert.match(text, /^kubernetes_feature_enabled\{name="ClusterTrustBundle",stage="BETA"\} 1$/m)
  assert.match(text, /^kubernetes_feature_enabled\{name="ClusterTrustBundleProjection",stage="BETA"\} 0$/m)
  assert.match(text, /^kubernetes_feature_enabled\{name="MutatingAdmissionPolicy",stage=""\} 1$/m)
  assert.deepEqual(
    said.filter((each) => each.startsWith('Feature gates')),
    ['Feature gates were set that change nothing here {"gates":"WatchList=false"}'],
  )
})

test('the kind of a gate is served in its versions once both say so', async () => {
  await using off = await startTestApiServer({ runtimeConfig: { 'certificates.k8s.io/v1beta1': true } })
  assert.equal((await ask(off, 'GET /apis/certificates.k8s.io/v1beta1/clustertrustbundles')).code, 404)
  await using api = await startTestApiServer({ featureGates: GATE, runtimeConfig: { 'api/beta': true, 'api/alpha': true } })
  assert.deepEqual((await api.client.list(clusterTrustBundles)).items, [])
  assert.deepEqual((await api.client.list(clusterTrustBundlesV1alpha1)).items, [])
  const group = (await ask(api, 'GET /apis/certificates.k8s.io')).object as unknown as { versions: { version: string }[] }
  assert.deepEqual(
    group.versions.map(({ version }) => version),
    ['v1', 'v1beta1', 'v1alpha1'],
  )
})
