import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import protobufjs from 'protobufjs'
import {
  allResources,
  configMaps,
  customResourceDefinitions,
  deployments,
  endpointSlices,
  endpoints,
  ingresses,
  leases,
  namespaces,
  protobufMessageOf,
  type ResourceDefinition,
  replicaSets,
  secrets,
  serviceAccounts,
  services,
} from '#api'
import { systemClock, systemRandom } from '#base'
import type { Client } from '#client'
import { apiVersionOf, isConflict, type KubernetesObject } from '#meta'
import { openPki, type Pki } from '../../src/cluster/pki-directory.ts'
import { bytesByProtobufjs, fieldsOf } from '../../src/testing/protobuf/reference.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

const TAKEOVER_MS_MAX = 15_000

const KINDS_OF_A_FRESH_CLUSTER = [
  'ClusterRole',
  'ClusterRoleBinding',
  'ConfigMap',
  'EndpointSlice',
  'Endpoints',
  'FlowSchema',
  'IPAddress',
  'Lease',
  'Namespace',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'Role',
  'RoleBinding',
  'Service',
  'ServiceAccount',
  'ServiceCIDR',
]

interface Server extends ServerProcess {
  readonly address: string
}

describe('servers over one etcd cluster', () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-servers-'))
  let cluster: EtcdCluster
  let pki: Pki
  const servers: Server[] = []
  before(async () => {
    cluster = await EtcdCluster.start(3)
    pki = await openPki(join(directory, 'pki'), { clock: systemClock, random: systemRandom })
    servers.push(await startServer(1))
    servers.push(...(await Promise.all([startServer(2), startServer(3)])))
  })
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })

  async function startServer(index: number): Promise<Server> {
    const address = `10.9.9.${index}`
    const store = `etcd=${cluster.servers.join(',')}`
    return { ...(await startServerProcess({ pki, pkiDirectory: join(directory, 'pki'), store, address })), address }
  }

  it('what one server wrote, the others show at once', async (context) => {
    const [a, b, c] = servers.map(({ client }) => client) as [Client, Client, Client]
    let reads = 0
    for (let count = 0; count < 100; count++) {
      const name = `fresh-${count}`
      await a.create(configMaps, { metadata: { name, namespace: 'default' }, data: { value: 'one' } })
      const seen = await b.get(configMaps, `default/${name}`)
      const changed = await b.update(configMaps, { ...seen, data: { value: 'two' } })
      assert.equal((await c.get(configMaps, `default/${name}`)).metadata?.resourceVersion, changed.metadata?.resourceVersion)
      await assert.rejects(c.update(configMaps, { ...seen, data: { value: 'three' } }), isConflict)
      await c.delete(configMaps, `default/${name}`)
      assert.equal(await a.find(configMaps, `default/${name}`), undefined)
      reads += 3
    }
    context.diagnostic(`${reads} reads through another server than the write's, none of them stale`)
  })

  it('the kubernetes Service leads to the servers that live', async () => {
    const { client } = servers[0]!
    assert.deepEqual(await addressesOf(client), ['10.9.9.1', '10.9.9.2', '10.9.9.3'])
    const slice = await client.get(endpointSlices, 'default/kubernetes')
    assert.deepEqual(
      slice.endpoints?.flatMap((each) => each.addresses),
      ['10.9.9.1', '10.9.9.2', '10.9.9.3'],
    )
    const extra = await startServer(4)
    assert.equal((await addressesOf(client)).length, 4)
    extra.process.kill('SIGTERM')
    await once(extra.process, 'exit')
    assert.deepEqual(await addressesOf(client), ['10.9.9.1', '10.9.9.2', '10.9.9.3'])
    await extra[Symbol.asyncDispose]()
  })

  it('etcd holds the keys and the bytes that upstream writes', async (context) => {
    const { client } = servers[1]!
    await client.create(namespaces, { metadata: { name: 'shown' } })
    await client.create(services, {
      metadata: { name: 'web', namespace: 'shown' },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80 }] },
    })
    await client.create(secrets, { metadata: { name: 'secret', namespace: 'shown' }, data: { key: 'dmFsdWU=' } })
    await client.create(deployments, {
      metadata: { name: 'web', namespace: 'shown' },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
      },
    })
    const checked: [key: string, object: KubernetesObject][] = [
      ['/registry/namespaces/shown', await client.get(namespaces, 'shown')],
      ['/registry/services/specs/shown/web', await client.get(services, 'shown/web')],
      ['/registry/secrets/shown/secret', await client.get(secrets, 'shown/secret')],
      ['/registry/serviceaccounts/default/default', await client.get(serviceAccounts, 'default/default')],
    ]
    for (const [key, object] of checked) assert.deepEqual(etcdctl(cluster, 'get', key, '--print-value-only'), stored(object), key)

    const ports = etcdctl(cluster, 'get', '/registry/ranges/servicenodeports', '--print-value-only')
    assert.equal(ports.subarray(0, 4).toString(), 'k8s\0')
    const custom = await client.create(customResourceDefinitions, widgets)
    const definition = etcdctl(
      cluster,
      'get',
      '/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com',
      '--print-value-only',
    )
    const { apiVersion, metadata } = JSON.parse(definition.toString()) as KubernetesObject
    // The version in which upstream keeps definitions.
    assert.deepEqual([apiVersion, metadata?.uid], ['apiextensions.k8s.io/v1beta1', custom.metadata?.uid])
    const keys = etcdctl(cluster, 'get', '/registry/', '--prefix', '--keys-only').toString().split('\n').filter(Boolean)
    const known = new Set(keys.map((key) => key.split('/')[2]))
    for (const kind of ['masterleases', 'leases', 'clusterroles', 'ranges', 'priorityclasses']) assert.ok(known.has(kind), kind)
    context.diagnostic(
      `${keys.length} keys of ${known.size} kinds; ${checked.length} values are byte for byte what the published tables give`,
    )
  })

  it('what an older server left in an older version is shown in the one that is served', async () => {
    const backend = { serviceName: 'web', servicePort: 80 }
    const metadata = { name: 'old', namespace: 'shown', uid: 'old' }
    const older = { kind: 'Ingress', apiVersion: 'networking.k8s.io/v1beta1', metadata, spec: { backend } }
    etcdctl(cluster, 'put', '/registry/ingress/shown/old', JSON.stringify(older))
    for (const { client } of servers) {
      const { apiVersion, spec } = await client.get(ingresses, 'shown/old')
      assert.deepEqual(
        [apiVersion, spec?.defaultBackend?.service],
        ['networking.k8s.io/v1', { name: 'web', port: { number: 80 } }],
      )
    }
    await servers[0]!.client.delete(ingresses, 'shown/old')
  })

  it('everything that a cluster keeps is byte for byte what the published tables give', async (context) => {
    const { client } = servers[1]!
    const kinds = new Map<string, number>()
    const others: string[] = []
    const keys = etcdctl(cluster, 'get', '/registry/', '--prefix', '--keys-only').toString().split('\n').filter(Boolean)
    for (const key of keys) {
      // What is written all the time is read until both ways show the same revision.
      for (let count = 0; ; count++) {
        const { kvs } = JSON.parse(etcdctl(cluster, 'get', key, '-w', 'json').toString()) as {
          kvs?: { value: string; mod_revision: number }[]
        }
        // Events and leases of servers end by themselves.
        if (kvs === undefined) break
        const value = Buffer.from(kvs[0]!.value ?? '', 'base64')
        const [apiVersion, kind] = typeOf(value)
        const resource = allResources.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion)
        // Upstream keeps these two as JSON.
        const isJson = kind === 'CustomResourceDefinition' || kind === 'APIService'
        assert.equal(value[0] === 0x7b, isJson, key)
        if (resource === undefined || isJson || key.startsWith('/registry/masterleases/')) {
          others.push(`${key} ${kind}`)
          break
        }
        const [name = '', namespace] = key.split('/').reverse()
        const own = resource.scope === 'Namespaced' ? `${namespace}/${name}` : name
        const object = (await client.find(resource as ResourceDefinition<KubernetesObject>, own)) as KubernetesObject | undefined
        if (object?.metadata?.resourceVersion === String(kvs[0]!.mod_revision)) {
          assert.deepEqual(value, stored(object), key)
          kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
          break
        }
        assert.ok(count < 20, `${key} does not come to rest`)
      }
    }
    for (const other of others)
      assert.match(
        other,
        /^\/registry\/(masterleases\/.* Endpoints|ranges\/.* RangeAllocation|t8s-fences\/.* |\S+ APIService|\S+ CustomResourceDefinition)$/,
      )
    for (const kind of KINDS_OF_A_FRESH_CLUSTER) assert.ok(kinds.has(kind), kind)
    context.diagnostic(
      `${[...kinds.values()].reduce((sum, each) => sum + each, 0)} objects of ${kinds.size} kinds: ${[...kinds.keys()].sort().join(', ')}`,
    )
  })

  it('controllers have one leader, and another within 15 seconds when it is killed', async (context) => {
    const { client } = servers[0]!
    const holder = async (by: Client): Promise<string> =>
      (await by.get(leases, 'kube-system/kube-controller-manager')).spec?.holderIdentity ?? ''
    const before = await holder(client)
    await scaled(client, 'first', 1)
    const victim = servers.find(({ address }) => address === before)!
    const other = servers.find((server) => server !== victim)!
    const startedMs = systemClock.monotonic()
    victim.process.kill('SIGKILL')
    await until(async () => (await holder(other.client)) !== before)
    await scaled(other.client, 'second', 1)
    const tookMs = systemClock.monotonic() - startedMs
    context.diagnostic(`a Deployment was acted upon ${Math.round(tookMs)} ms after the leader was killed`)
    assert.ok(tookMs < TAKEOVER_MS_MAX, `took ${tookMs} ms`)
    assert.equal((await other.client.list(replicaSets, { namespace: 'default' })).items.length, 2, 'nothing was done twice')
    await until(async () => !(await addressesOf(other.client)).includes(victim.address))
  })

  /** A Deployment whose ReplicaSet has been made. */
  async function scaled(client: Client, name: string, replicas: number): Promise<void> {
    await client.create(deployments, {
      metadata: { name, namespace: 'default' },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'c:1' }] } },
      },
    })
    await until(async () =>
      (await client.list(replicaSets, { namespace: 'default' })).items.some(({ metadata }) =>
        metadata?.name?.startsWith(`${name}-`),
      ),
    )
  }
})

async function addressesOf(client: Client): Promise<string[]> {
  const { subsets } = await client.get(endpoints, 'default/kubernetes')
  return subsets?.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)) ?? []
}

/** What is looked at is the world outside this process, which tells nobody when it changes. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(100)
}

function etcdctl(cluster: EtcdCluster, ...words: readonly string[]): Buffer {
  const output = execFileSync('etcdctl', ['--endpoints', cluster.servers.join(','), ...words], {
    env: { ...process.env, ETCDCTL_API: '3' },
    maxBuffer: 1 << 26,
  })
  // etcdctl ends a value with a newline.
  return output.subarray(0, -1)
}

/** The type that a stored value names: in its envelope, or as JSON. */
function typeOf(value: Buffer): readonly [apiVersion: string, kind: string] {
  if (value[0] === 0x7b) {
    const { apiVersion = '', kind = '' } = JSON.parse(value.toString()) as KubernetesObject
    return [apiVersion, kind]
  }
  if (value.subarray(0, 4).toString() !== 'k8s\0') return ['', '']
  const reader = protobufjs.Reader.create(value.subarray(4))
  reader.uint32()
  const end = reader.uint32() + reader.pos
  const texts = ['', '']
  while (reader.pos < end) texts[(reader.uint32() >>> 3) - 1] = reader.string()
  return [texts[0]!, texts[1]!]
}

/** What upstream stores for an object, by the published tables and another library: the envelope around the message, without the revision. */
function stored(object: KubernetesObject): Buffer {
  const { apiVersion = '', kind = '', ...rest } = object
  const { resourceVersion: _, ...metadata } = object.metadata ?? {}
  const message = protobufMessageOf(apiVersion, kind)!
  const raw = bytesByProtobufjs(message, fieldsOf(message, { ...rest, metadata }))
  const envelope = protobufjs.Writer.create()
  envelope.uint32(0x0a).fork().uint32(0x0a).string(apiVersion).uint32(0x12).string(kind).ldelim()
  envelope.uint32(0x12).bytes(raw).uint32(0x1a).string('').uint32(0x22).string('')
  return Buffer.concat([Buffer.from('k8s\0'), envelope.finish()])
}

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced' as const,
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
}
