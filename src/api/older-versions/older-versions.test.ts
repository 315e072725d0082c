import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources, decodeProtobuf, encodeProtobuf, type ResourceDefinition, readGenerated, resourcesOffByDefault } from '#api'
import { apiVersionOf, type KubernetesObject } from '#meta'
import { olderVersions, upgradeOf } from './index.ts'

const metadata = { name: 'a' }
/** What an object of an older version is made of, without what every object has. */
const upgraded = (apiVersion: string, kind: string, fields: object): object => {
  const object: KubernetesObject = { apiVersion, kind, metadata, ...fields }
  const { apiVersion: _, kind: same, ...rest } = upgradeOf(object)!(object)
  assert.equal(same, kind)
  return rest
}

/** JSON is what is stored of a definition and of an API service; of others both forms may be. */
const IS_JSON = /^api(extensions|registration)/

const served = [...allResources, ...resourcesOffByDefault.map(({ resource }) => resource)]
const isServed = (kind: string): boolean =>
  served.some((resource: ResourceDefinition) => resource.stored && resource.kind === kind)

test('every published version of a kind that is stored can be read, and is upgraded unless it is what is in memory', () => {
  const known = new Set(olderVersions.map((each) => each.join(' ')))
  const fields = readGenerated<Record<string, [name: string, number: number, type: string][]>>('older-protobuf.json')
  const hasMetadata = (name: string): boolean =>
    fields[name]!.some(([field, , type]) => field === 'metadata' && /ObjectMeta$/.test(type))
  const missing = Object.keys(fields).filter((name) => {
    const kind = name.split('.').at(-1)!
    const [group, version] = name.split('.').slice(-3)
    const isKnown = [...known].some((each) => each.endsWith(`/${version} ${kind}`) && each.startsWith(group!))
    return hasMetadata(name) && isServed(kind) && !isKnown
  })
  assert.deepEqual(missing, [])
  for (const [apiVersion, kind] of olderVersions) {
    assert.ok(isServed(kind), kind)
    if (IS_JSON.test(apiVersion)) continue
    const { object } = decodeProtobuf(encodeProtobuf({ apiVersion, kind, metadata }))
    assert.deepEqual([object['apiVersion'], object['kind']], [apiVersion, kind])
    const { kind: same } = upgradeOf(object as KubernetesObject)!(object as KubernetesObject)
    assert.equal(same, kind)
  }
})

test('an older version is not one that is in memory', () => {
  const current = new Set(
    served.filter(({ storage }) => storage === undefined).map((each) => `${apiVersionOf(each)} ${each.kind}`),
  )
  assert.deepEqual(
    olderVersions.filter(([apiVersion, kind]) => current.has(`${apiVersion} ${kind}`)),
    [],
  )
  assert.equal(upgradeOf({ apiVersion: 'constructor', kind: 'toString' }), undefined)
  assert.equal(upgradeOf({ apiVersion: 'apps/v1beta1', kind: 'constructor' }), undefined)
})

test('an Ingress of before has its services in two fields and paths without a type', () => {
  const spec = {
    backend: { serviceName: 'web', servicePort: 80 },
    rules: [
      {
        host: 'a.example',
        http: {
          paths: [
            { path: '/', backend: { serviceName: 'web', servicePort: 'http' } },
            { pathType: 'Exact', backend: { serviceName: '', servicePort: 0, resource: { kind: 'Bucket', name: 'b' } } },
          ],
        },
      },
      { host: 'b.example' },
    ],
    tls: [{ hosts: ['a.example'] }],
  }
  for (const apiVersion of ['networking.k8s.io/v1beta1', 'extensions/v1beta1'])
    assert.deepEqual(upgraded(apiVersion, 'Ingress', { spec }), {
      metadata,
      spec: {
        defaultBackend: { service: { name: 'web', port: { number: 80 } } },
        rules: [
          {
            host: 'a.example',
            http: {
              paths: [
                { path: '/', pathType: 'ImplementationSpecific', backend: { service: { name: 'web', port: { name: 'http' } } } },
                { pathType: 'Exact', backend: { resource: { kind: 'Bucket', name: 'b' } } },
              ],
            },
          },
          { host: 'b.example' },
        ],
        tls: [{ hosts: ['a.example'] }],
      },
    })
})

test('the topology of an endpoint becomes its node, its zone and what is left', () => {
  const [hostname, zone] = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone']
  const endpoints = [
    { addresses: ['10.0.0.1'], topology: { [hostname]: 'n1', [zone]: 'z1' } },
    { addresses: ['10.0.0.2'], nodeName: 'n2', topology: { [hostname]: 'other', rack: 'r1' } },
    { addresses: ['10.0.0.3'], nodeName: 'n3', topology: { [hostname]: 'n3' } },
    { addresses: ['10.0.0.4'] },
  ]
  assert.deepEqual(upgraded('discovery.k8s.io/v1beta1', 'EndpointSlice', { addressType: 'IPv4', endpoints }), {
    metadata,
    addressType: 'IPv4',
    endpoints: [
      { addresses: ['10.0.0.1'], nodeName: 'n1', zone: 'z1' },
      { addresses: ['10.0.0.2'], nodeName: 'n2', deprecatedTopology: { [hostname]: 'other', rack: 'r1' } },
      { addresses: ['10.0.0.3'], nodeName: 'n3' },
      { addresses: ['10.0.0.4'] },
    ],
  })
})

test('zero shares of a priority level are the default, unless v1beta3 said that they are none', () => {
  const shares = (version: string, limited: object, annotations?: object): unknown => {
    const fields = { metadata: { name: 'a', ...(annotations && { annotations }) }, spec: { type: 'Limited', limited } }
    const made = upgraded(`flowcontrol.apiserver.k8s.io/${version}`, 'PriorityLevelConfiguration', fields)
    const { spec, metadata: meta } = made as { spec: { limited: object }; metadata: { annotations?: object } }
    return [spec.limited, meta.annotations]
  }
  for (const version of ['v1beta1', 'v1beta2']) {
    assert.deepEqual(shares(version, { assuredConcurrencyShares: 7 }), [{ nominalConcurrencyShares: 7 }, undefined])
    assert.deepEqual(shares(version, { assuredConcurrencyShares: 0 }), [{}, undefined])
  }
  assert.deepEqual(shares('v1beta3', { nominalConcurrencyShares: 7 }), [{ nominalConcurrencyShares: 7 }, undefined])
  assert.deepEqual(shares('v1beta3', { nominalConcurrencyShares: 0 }, { a: 'b' }), [{}, { a: 'b' }])
  const mark = { 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares': '' }
  assert.deepEqual(shares('v1beta3', { nominalConcurrencyShares: 0 }, mark), [{ nominalConcurrencyShares: 0 }, undefined])
})

test('an empty selector of a budget chose nothing in v1beta1', () => {
  const key = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match'
  const selector = (given: object | undefined): unknown =>
    (upgraded('policy/v1beta1', 'PodDisruptionBudget', { spec: given && { selector: given } }) as { spec?: { selector: object } })
      .spec?.selector
  assert.deepEqual(selector({}), { matchExpressions: [{ key, operator: 'Exists' }] })
  assert.deepEqual(selector({ matchExpressions: [{ key, operator: 'DoesNotExist' }] }), {})
  assert.deepEqual(selector({ matchLabels: { app: 'web' } }), { matchLabels: { app: 'web' } })
  assert.equal(selector(undefined), undefined)
})

test('what v1 of workloads has no field for goes on in annotations', () => {
  const deployment = upgraded('extensions/v1beta1', 'Deployment', { spec: { replicas: 2, rollbackTo: { revision: 3 } } })
  assert.deepEqual(deployment, {
    metadata: { name: 'a', annotations: { 'deprecated.deployment.rollback.to': '3' } },
    spec: { replicas: 2 },
  })
  assert.deepEqual(upgraded('apps/v1beta1', 'Deployment', { spec: { replicas: 2 } }), { metadata, spec: { replicas: 2 } })
  const daemon = upgraded('extensions/v1beta1', 'DaemonSet', { spec: { minReadySeconds: 1, templateGeneration: 4 } })
  assert.deepEqual(daemon, {
    metadata: { name: 'a', annotations: { 'deprecated.daemonset.template.generation': '4' } },
    spec: { minReadySeconds: 1 },
  })
})

test('subjects of v1alpha1 have a version for their group', () => {
  const subjects = [
    { kind: 'User', name: '*', apiVersion: 'rbac.authorization.k8s.io/v1alpha1' },
    { kind: 'User', name: 'ann' },
    { kind: 'ServiceAccount', name: 'sa', namespace: 'n', apiVersion: 'v1' },
    { kind: 'Robot', name: 'r', apiVersion: 'example.com/v2' },
  ]
  assert.deepEqual(upgraded('rbac.authorization.k8s.io/v1alpha1', 'RoleBinding', { subjects }), {
    metadata,
    subjects: [
      { kind: 'Group', name: 'system:authenticated', apiGroup: 'rbac.authorization.k8s.io' },
      { kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' },
      { kind: 'ServiceAccount', name: 'sa', namespace: 'n' },
      { kind: 'Robot', name: 'r', apiGroup: 'example.com' },
    ],
  })
})

test('requests of v1beta1 described their device themselves, and devices stood below basic', () => {
  const devices = {
    requests: [
      { name: 'one', deviceClassName: 'c', allocationMode: 'ExactCount', count: 2 },
      { name: 'any', firstAvailable: [{ name: 'x', deviceClassName: 'c' }] },
    ],
  }
  const wanted = {
    requests: [
      { name: 'one', exactly: { deviceClassName: 'c', allocationMode: 'ExactCount', count: 2 } },
      { name: 'any', firstAvailable: [{ name: 'x', deviceClassName: 'c' }] },
    ],
  }
  const group = 'resource.k8s.io/v1beta1'
  assert.deepEqual(upgraded(group, 'ResourceClaim', { spec: { devices } }), { metadata, spec: { devices: wanted } })
  const template = { metadata: { labels: { a: 'b' } }, spec: { devices } }
  assert.deepEqual(upgraded(group, 'ResourceClaimTemplate', { spec: template }), {
    metadata,
    spec: { ...template, spec: { devices: wanted } },
  })
  const slice = { driver: 'd', devices: [{ name: 'gpu', basic: { attributes: { a: { int: 1 } } } }, { name: 'bare' }] }
  assert.deepEqual(upgraded(group, 'ResourceSlice', { spec: slice }), {
    metadata,
    spec: { driver: 'd', devices: [{ name: 'gpu', attributes: { a: { int: 1 } } }, { name: 'bare' }] },
  })
})

test('defaults of an older version are not those of today', () => {
  const given = {
    webhooks: [
      { name: 'a.b.c', clientConfig: { url: 'https://x' } },
      { name: 'd.e.f', failurePolicy: 'Fail' },
    ],
  }
  const { webhooks } = upgraded(
    'admissionregistration.k8s.io/v1beta1',
    'ValidatingWebhookConfiguration',
    given,
  ) as typeof given & {
    webhooks: Record<string, unknown>[]
  }
  const [first, second] = webhooks
  assert.deepEqual(
    [first!.failurePolicy, first!['matchPolicy'], first!['sideEffects'], first!['timeoutSeconds'], second!.failurePolicy],
    ['Ignore', 'Exact', 'Unknown', 30, 'Fail'],
  )
  assert.deepEqual(first!['admissionReviewVersions'], ['v1beta1'])
  const request = upgraded('certificates.k8s.io/v1beta1', 'CertificateSigningRequest', {
    spec: { request: 'eA==' },
    status: { conditions: [{ type: 'Approved' }] },
  })
  assert.deepEqual(request, {
    metadata,
    spec: {
      request: 'eA==',
      signerName: 'kubernetes.io/legacy-unknown',
      usages: ['digital signature', 'key encipherment'],
    },
    status: { conditions: [{ type: 'Approved', status: 'True' }] },
  })
  const runtime = upgraded('node.k8s.io/v1alpha1', 'RuntimeClass', {
    spec: { runtimeHandler: 'kata', scheduling: { nodeSelector: { a: 'b' } } },
  })
  assert.deepEqual(runtime, { metadata, handler: 'kata', scheduling: { nodeSelector: { a: 'b' } } })
})

test('a request of old that named no signer is for whoever signed such requests', async () => {
  await import('reflect-metadata')
  const { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } = await import('@peculiar/x509')
  const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = (await crypto.subtle.generateKey(signing, true, ['sign', 'verify'])) as never
  const signerOf = async (usages: string[], name: string, host?: string): Promise<unknown> => {
    const extensions = host === undefined ? [] : [new SubjectAlternativeNameExtension([{ type: 'dns', value: host }])]
    const request = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: signing, extensions })
    const made = { request: btoa(request.toString('pem')), usages: ['digital signature', ...usages] }
    const { spec } = upgraded('certificates.k8s.io/v1beta1', 'CertificateSigningRequest', { spec: made }) as {
      spec: { signerName: string }
    }
    return spec.signerName
  }
  const [client, serving] = [['key encipherment', 'client auth'], ['server auth']]
  const node = 'O=system:nodes,CN=system:node:n'
  assert.equal(await signerOf(client, node), 'kubernetes.io/kube-apiserver-client-kubelet')
  assert.equal(await signerOf(serving, node, 'n.example'), 'kubernetes.io/kubelet-serving')
  assert.equal(await signerOf(serving, node), 'kubernetes.io/legacy-unknown')
  assert.equal(await signerOf(client, node, 'n.example'), 'kubernetes.io/legacy-unknown')
  assert.equal(await signerOf(client, 'O=system:nodes,O=system:masters,CN=system:node:n'), 'kubernetes.io/legacy-unknown')
  assert.equal(await signerOf(client, 'O=system:nodes,CN=n'), 'kubernetes.io/legacy-unknown')
})
