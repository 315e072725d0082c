import assert from 'node:assert/strict'
import { request } from 'node:https'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles, serviceAccounts, type TokenRequest } from '#api'
import { nullLog, seededRandom, systemClock, systemRandom, VirtualClock } from '#base'
import { createClient, inProcessTransport, type Transport } from '#client'
import { createPki, identities } from '#cluster'
import { startTestApiServer } from '#testing'
import { startKubelet } from '../kubelet.ts'
import { SimulatedRuntime } from '../runtimes/simulated/index.ts'
import { subresourcesOf } from './access.ts'

interface Credentials {
  readonly cert?: string
  readonly key?: string
  readonly token?: string
}

/** A kubelet that serves, its API server, and how often that was asked for reviews. */
async function serving() {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock()
  const api = stack.use(await startTestApiServer({ clock }))
  const pki = await createPki({ clock: systemClock, random: systemRandom })
  const certificate = await pki.serverCA.issue(identities.kubeletServer('node-1', ['127.0.0.1']))
  const asked: string[] = []
  const inner = inProcessTransport(api.server, {
    user: { username: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] },
  })
  const transport: Transport = {
    request(request) {
      if (/reviews$/.test(request.path)) asked.push(request.path.slice(request.path.lastIndexOf('/') + 1))
      return inner.request(request)
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  const runtime = new SimulatedRuntime({ clock, random: seededRandom(2) })
  const kubelet = stack.use(
    await startKubelet({
      client: createClient(transport),
      runtime,
      nodeName: 'node-1',
      nodeIPs: ['127.0.0.1'],
      rootDirectory: '',
      podLogs: '',
      clusterDNS: '10.96.0.10',
      clusterDomain: 'cluster.local',
      serve: {
        host: '127.0.0.1',
        port: 0,
        tls: { certificate: certificate.certificate, key: certificate.key, clientCA: pki.clientCA.certificate },
      },
      upgrades: async () => {},
      version: 'v1.36.0',
      clock,
      random: seededRandom(3),
      log: nullLog,
    }),
  )
  const call = (path: string, { cert, key, token }: Credentials = {}, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: kubelet.port,
        path,
        agent: false as const,
        ca: pki.serverCA.certificate,
        ...(cert !== undefined && { cert, key }),
        headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      }
      request(options, (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      })
        .on('error', reject)
        .end()
    })
  const certificateFor = async (commonName: string, organizations: readonly string[] = []): Promise<Credentials> => {
    const pair = await pki.clientCA.issue({ commonName, organizations, usages: ['client'] })
    return { cert: pair.certificate, key: pair.key }
  }
  const owned = stack.move()
  return { api, clock, asked, call, certificateFor, pki, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function grant(api: Awaited<ReturnType<typeof serving>>['api'], user: object, subresource: string): Promise<void> {
  await api.client.create(clusterRoles, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: subresource },
    rules: [{ apiGroups: [''], resources: [`nodes/${subresource}`], verbs: ['get'] }],
  })
  await api.client.create(clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: subresource },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: subresource },
    subjects: [user as never],
  })
}

test('a path of the kubelet maps to subresources of its node, the narrow one first', () => {
  const cases: Record<string, string> = {
    '/stats/summary': 'stats',
    '/metrics': 'metrics',
    '/metrics/cadvisor': 'metrics',
    '/logs/syslog': 'log',
    '/pods': 'pods proxy',
    '/runningpods/': 'pods proxy',
    '/healthz': 'healthz proxy',
    '/healthz/syncloop': 'healthz proxy',
    '/configz': 'configz proxy',
    '/checkpoint/a/b/c': 'checkpoint',
    '/exec/a/b/c': 'proxy',
    '/podsy': 'proxy',
    '/constructor': 'proxy',
    '/': 'proxy',
  }
  for (const [path, expected] of Object.entries(cases)) assert.equal(subresourcesOf(path).join(' '), expected, path)
})

test('nobody uses the kubelet unnamed, and a certificate of another authority names nobody', async () => {
  await using node = await serving()
  for (const path of ['/healthz', '/pods', '/nonsense'])
    assert.deepEqual(await node.call(path), { status: 401, body: 'Unauthorized' })
  const foreign = await node.pki.serverCA.issue({
    commonName: 'kubernetes-admin',
    organizations: ['system:masters'],
    usages: ['client'],
  })
  assert.equal((await node.call('/pods', { cert: foreign.certificate, key: foreign.key })).status, 401)
  assert.equal((await node.call('/pods', { token: 'made-up' })).status, 401)
  assert.equal((await node.call('/exec/default/web/main', {}, { connection: 'Upgrade', upgrade: 'SPDY/3.1' })).status, 401)
})

test('every request is authorised as its verb on a subresource of this node', async () => {
  await using node = await serving()
  const ann = await node.certificateFor('ann', ['readers'])
  assert.deepEqual(await node.call('/pods', ann), {
    status: 403,
    body: 'Forbidden (user=ann, verb=get, resource=nodes, subresource(s)=[pods proxy])',
  })
  assert.equal((await node.call('/exec/default/web/main', ann, { connection: 'Upgrade', upgrade: 'SPDY/3.1' })).status, 403)
  await grant(node.api, { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'readers' }, 'configz')
  assert.equal((await node.call('/configz', ann)).status, 200)
  assert.equal((await node.call('/metrics', ann)).status, 403)
})

test("the API server's own client may do everything, by its role and not as a superuser", async () => {
  await using node = await serving()
  const { commonName } = identities.kubeletClient
  const apiServer = await node.certificateFor(commonName)
  for (const path of ['/healthz', '/pods', '/runningpods/', '/configz', '/metrics'])
    assert.equal((await node.call(path, apiServer)).status, 200, path)
  assert.deepEqual(await node.call('/nonsense', apiServer), { status: 404, body: '404 page not found' })
  // Not in the role upstream gives it.
  assert.equal((await node.call('/checkpoint/a/b/c', apiServer)).status, 403)
})

test('a bearer token is reviewed once in two minutes; a verdict holds five minutes when good and half a minute when bad', async () => {
  await using node = await serving()
  const { api, asked, clock } = node
  await api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'monitor', namespace: 'default' },
  })
  const body: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: 3600 },
  }
  const { status } = await api.client.createSubresource(serviceAccounts as never, 'default/monitor', 'token', body)
  const token = status!.token
  asked.length = 0
  const reviews = (): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const kind of asked.splice(0)) counts[kind] = (counts[kind] ?? 0) + 1
    return counts
  }
  assert.match(
    (await node.call('/stats/summary', { token })).body,
    /^Forbidden \(user=system:serviceaccount:default:monitor, verb=get/,
  )
  assert.equal((await node.call('/stats/summary', { token })).status, 403)
  assert.deepEqual(reviews(), { tokenreviews: 1, subjectaccessreviews: 1 })
  await grant(api, { kind: 'ServiceAccount', name: 'monitor', namespace: 'default' }, 'stats')
  assert.equal((await node.call('/stats/summary', { token })).status, 403)
  await clock.advance(30_001)
  assert.equal((await node.call('/stats/summary', { token })).status, 200)
  assert.deepEqual(reviews(), { subjectaccessreviews: 1 })
  await clock.advance(2 * 60_000)
  assert.equal((await node.call('/stats/summary', { token })).status, 200)
  assert.deepEqual(reviews(), { tokenreviews: 1 })
  await clock.advance(3 * 60_000)
  assert.equal((await node.call('/stats/summary', { token })).status, 200)
  assert.deepEqual(reviews(), { tokenreviews: 1, subjectaccessreviews: 1 })
})
