/**
 * Upstream's generic API server as an extension of a cluster of ours, with objects of its own in a group of its own: it learns from our cluster whom to believe
 * (`extension-apiserver-authentication`, TokenReviews) and what they may (SubjectAccessReviews), and ours hands on what clients ask, as the front proxy.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import {
  type APIService,
  apiServices,
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  namespaces,
  roleBindings,
  serviceAccounts,
} from '#api'
import { systemClock } from '#base'
import { type Client, createClient, transportFromKubeconfig } from '#client'
import { startCluster } from '#cluster'
import { parseYaml } from '#meta'
import { openMemoryStore } from '#store'
import { clientKinds, crdOf, createLoopbackService, establish, grant, ruleOf } from '#testing'
import { Home } from '../behavior/home.ts'
import { type ExtensionServer, startExtensionServer } from './extension-server.ts'
import { UPSTREAM_ROOT } from './peer.ts'

const [NAMESPACE, SERVICE, ACCOUNT] = ['extension', 'widgets-api', 'apiserver']
const HOST = `${SERVICE}.${NAMESPACE}.svc`
const GROUP = 'shop.example.org'
const NAME = `v1.${GROUP}`
/** In milliseconds. */
const SERVED_WITHIN_MS = 60_000
const RBAC = 'rbac.authorization.k8s.io'
const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }]
const schema = {
  type: 'object',
  description: 'A widget of upstream.',
  properties: { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 9 } } } },
} as const
const CRD = crdOf({ group: GROUP, schema })

/** What the documentation of upstream's sample API server grants. */
async function allowExtension(client: Client): Promise<void> {
  await client.create(namespaces, { metadata: { name: NAMESPACE } })
  await client.create(serviceAccounts, { metadata: { name: ACCOUNT, namespace: NAMESPACE } })
  await client.create(clusterRoles, {
    metadata: { name: 'extension' },
    rules: [
      ruleOf('core', 'namespaces services', 'get list watch'),
      ruleOf(
        'admissionregistration.k8s.io',
        'mutatingwebhookconfigurations validatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings mutatingadmissionpolicies mutatingadmissionpolicybindings',
        'get list watch',
      ),
      ruleOf('flowcontrol.apiserver.k8s.io', 'flowschemas prioritylevelconfigurations', 'get list watch'),
    ],
  })
  const bind = (name: string, role: string) => ({
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects,
  })
  await client.create(clusterRoleBindings, bind('extension', 'extension'))
  await client.create(clusterRoleBindings, bind('extension:delegator', 'system:auth-delegator'))
  await client.create(roleBindings, {
    metadata: { name: 'extension:reader', namespace: 'kube-system' },
    roleRef: { apiGroup: RBAC, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
    subjects,
  })
}

type Parsed = Record<'clusters' | 'users', { cluster: { server: string; 'certificate-authority-data': string }; user: object }[]>

/** The kubeconfig with another user's token, another server, or both. */
async function kubeconfigWith(text: string, change: { token?: string; server?: string; ca?: string }): Promise<string> {
  const config = (await parseYaml(text)) as Parsed
  if (change.token !== undefined) config.users[0]!.user = { token: change.token }
  if (change.server !== undefined) config.clusters[0]!.cluster.server = change.server
  if (change.ca !== undefined)
    config.clusters[0]!.cluster['certificate-authority-data'] = Buffer.from(change.ca).toString('base64')
  return JSON.stringify(config)
}

/** Waits for the verdict on the extension server; its reasons up to then. */
async function untilVerdict(client: Client, status: string, reason: string): Promise<string[]> {
  const seen: string[] = []
  for await (const { object } of client.watch(apiServices, { fieldSelector: `metadata.name=${NAME}` })) {
    const condition = (object as APIService).status?.conditions?.find(({ type }) => type === 'Available')
    if (condition === undefined) continue
    seen.push(`${condition.status} ${condition.reason}`)
    if (condition.status === status && condition.reason === reason) return seen
  }
  throw new Error(`the watch ended after ${seen.join(', ')}`)
}

test("upstream's generic API server works as an extension server behind ours", { timeout: 180_000 }, async (t) => {
  const store = openMemoryStore({ clock: systemClock })
  await using stack = new AsyncDisposableStack()
  stack.use(store)
  const cluster = stack.use(await startCluster({ nodes: 0, store }))
  const { client } = cluster
  const home = stack.use(new Home(cluster))
  home.environment['PATH'] = `${join(UPSTREAM_ROOT, 'root/usr/bin')}:${process.env['PATH']}`
  await allowExtension(client)
  const token = (await home.kubectl('create', 'token', ACCOUNT, '-n', NAMESPACE)).trim()
  const extension: ExtensionServer = stack.use(
    await startExtensionServer(HOST, await kubeconfigWith(cluster.kubeconfig, { token })),
  )
  const connect = async (change: { token?: string } = {}): Promise<Client> => {
    const config = await kubeconfigWith(cluster.kubeconfig, {
      server: `https://127.0.0.1:${extension.port}`,
      ca: extension.ca,
      ...change,
    })
    return createClient(stack.use(transportFromKubeconfig(JSON.parse(config), { directory: '/', userAgent: 'direct' })))
  }
  const direct = await connect()

  await t.test('it becomes available once it serves', async () => {
    await client.create(apiServices, {
      metadata: { name: NAME },
      spec: {
        group: GROUP,
        version: 'v1',
        groupPriorityMinimum: 1000,
        versionPriority: 15,
        caBundle: Buffer.from(extension.ca).toString('base64'),
        service: { namespace: NAMESPACE, name: SERVICE, port: 443 },
      },
    })
    await untilVerdict(client, 'False', 'ServiceNotFound')
    await createLoopbackService({ client, store }, { name: SERVICE, namespace: NAMESPACE, port: 443, targetPort: extension.port })
    // The group is there from the first definition on; the server is asked for it anew every 30 seconds at the latest.
    await untilServed(direct, extension)
    await establish(direct, CRD)
    await untilVerdict(client, 'True', 'Passed')
  })

  await t.test('its kinds are in discovery, aggregated and by group', async () => {
    const resources = await home.kubectl('api-resources', `--api-group=${GROUP}`, '--no-headers')
    assert.match(resources, /^widgets +shop.example.org\/v1 +true +Widget\n$/)
    assert.match(
      await home.kubectl('get', '--raw', `/apis/${GROUP}`),
      /"preferredVersion":\{"groupVersion":"shop.example.org\/v1"/,
    )
    // Alone it publishes nothing of custom kinds in OpenAPI, and nothing of ours is lost by that.
    assert.match(await home.kubectl('explain', 'configmaps'), /ConfigMap holds configuration data/)
  })

  await t.test('objects are written, read, watched and refused through ours', async () => {
    const [widgets] = clientKinds(CRD)
    const widget = (name: string, size: number) => ({
      apiVersion: `${GROUP}/v1`,
      kind: 'Widget',
      metadata: { name, namespace: 'default' },
      spec: { size },
    })
    const before = await client.list(widgets!, { namespace: 'default' })
    const stop = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      const options = { namespace: 'default', resourceVersion: before.metadata.resourceVersion, signal: stop.signal }
      for await (const { type, object } of client.watch(widgets!, options)) {
        seen.push(`${type} ${object.metadata?.name}`)
        if (type === 'DELETED') return
      }
    })()
    await home.kubectl('apply', '-f', home.manifest('a', widget('a', 1)))
    await home.kubectl('apply', '--server-side', '-f', home.manifest('b', widget('b', 2)))
    await home.kubectl('patch', 'widget', 'a', '--type=merge', '-p', '{"spec":{"size":3}}')
    assert.match(
      await home.refused(1, 'patch', 'widget', 'a', '--type=merge', '-p', '{"spec":{"size":10}}'),
      /spec.size in body should be less than or equal to 9/,
    )
    assert.match(await home.kubectl('get', 'widgets', '-o', 'wide'), /^NAME +AGE\na +\S+\nb +\S+\n$/)
    await home.kubectl('delete', 'widget', 'a')
    await watching
    assert.deepEqual(seen, ['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED a'])
  })

  await t.test('it knows who asks, and asks ours what they may', async () => {
    const list = ['get', 'widgets', '-n', 'default', '--as', 'ann', '--as-group', 'team']
    assert.match(
      await home.refused(1, ...list),
      /widgets.shop.example.org is forbidden: User "ann" cannot list resource "widgets" in API group "shop.example.org" in the namespace "default"/,
    )
    await grant(client, 'bob', [ruleOf(GROUP, 'widgets', 'get list')])
    assert.match(await home.kubectl('get', 'widgets', '-n', 'default', '--as', 'bob'), /^NAME/)
    const robot = await connect({ token })
    await assert.rejects(
      robot.list(clientKinds(CRD)[0]!),
      /User "system:serviceaccount:extension:apiserver" cannot list resource "widgets"/,
    )
    await assert.rejects((await connect({ token: 'odd' })).list(clientKinds(CRD)[0]!), { code: 401 })
  })

  await t.test('owners are looked after across both servers, and a namespace takes its objects along', async () => {
    await client.create(namespaces, { metadata: { name: 'gone' } })
    const owner = await client.create(configMaps, { metadata: { name: 'owner', namespace: 'gone' } })
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata!.uid! }]
    const [widgets] = clientKinds(CRD)
    const owned = (name: string, metadata: object = {}) =>
      client.create(widgets!, { apiVersion: `${GROUP}/v1`, kind: 'Widget', metadata: { name, namespace: 'gone', ...metadata } })
    await owned('owned', { ownerReferences })
    await owned('free')
    await client.delete(configMaps, 'gone/owner')
    await home.kubectl('wait', '-n', 'gone', 'widget/owned', '--for=delete', '--timeout=60s')
    await home.kubectl('delete', 'namespace', 'gone', '--timeout=60s')
    assert.deepEqual((await client.list(widgets!, { namespace: 'gone' })).items, [])
  })

  await t.test('when it is gone its group is unavailable, and nothing else is', async () => {
    await extension.stop()
    assert.match(
      await home.refused(1, 'get', '--raw', `/apis/${GROUP}/v1/widgets`),
      /ServiceUnavailable|service unavailable|currently unable to handle the request/i,
    )
    await untilVerdict(client, 'False', 'FailedDiscoveryCheck')
    assert.match(await home.kubectl('get', 'apiservices', NAME), /False \(FailedDiscoveryCheck\)/)
    assert.match(await home.kubectl('get', 'configmaps'), /kube-root-ca.crt/)
  })
})

/** Nobody is told when a program of somebody else is ready. */
async function untilServed(client: Client, extension: ExtensionServer): Promise<void> {
  let problem: unknown
  for (const until = systemClock.now() + SERVED_WITHIN_MS; systemClock.now() < until; await systemClock.sleep(200)) {
    try {
      await client.request({ method: 'GET', path: '/readyz' })
      return
    } catch (error) {
      problem = error
    }
  }
  throw new Error(`upstream's server did not get ready:\n${extension.log()}`, { cause: problem })
}
