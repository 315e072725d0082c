/**
 * How long does a decision of RBAC take with 10,000 bindings, how long does the index take to follow one more, and what does a token cost to verify: for
 * the first time, and once it is known?
 * usage: node --conditions=source bench/authz.ts [bindings]
 */
import { allResources, clusterRoleBindings, roleBindings, serviceAccounts } from '#api'
import { nullLog, seededRandom, systemClock } from '#base'
import { grant, makeNamespace, ruleOf, startTestApiServer } from '#testing'
import { RbacAuthorizer } from '../src/apiserver/authorization/index.ts'
import { WatchCache } from '../src/apiserver/watch-cache/watch-cache.ts'

const BINDINGS = Number(process.argv[2] ?? 10_000)
const NAMESPACES = 100
const DECISIONS = 100_000
const WARM_UP = 10_000
const GROUP = 'rbac.authorization.k8s.io'

await using api = await startTestApiServer({ clock: systemClock })
const { client } = api
for (let at = 0; at < NAMESPACES; at++) await makeNamespace(client, `ns-${at}`)
await grant(client, 'reader', [
  ruleOf('core apps batch', 'pods pods/log deployments jobs', 'get list watch'),
  ruleOf('core', 'secrets', 'get', 'one'),
])
const roleRef = { apiGroup: GROUP, kind: 'ClusterRole', name: 'reader' }
const binding = (at: number) => ({
  apiVersion: `${GROUP}/v1`,
  kind: 'RoleBinding',
  metadata: { name: `b-${at}`, namespace: `ns-${at % NAMESPACES}` },
  roleRef,
  subjects: [
    { apiGroup: GROUP, kind: 'User', name: `user-${at}` },
    { apiGroup: GROUP, kind: 'Group', name: `team-${at % 500}` },
  ],
})
for (let at = 0; at < BINDINGS; at++) await client.create(roleBindings, binding(at))

await using cache = await WatchCache.open(api.store, allResources, { clock: systemClock, log: nullLog })
const rbac = new RbacAuthorizer(cache)
const random = seededRandom(1)
const asks = Array.from({ length: 1_000 }, () => {
  const at = random.int(BINDINGS)
  const known = random.int(4) > 0
  return {
    user: { username: `user-${at}`, groups: [`team-${at % 500}`, 'system:authenticated'] },
    verb: known ? 'list' : 'delete',
    isResource: true as const,
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: `ns-${at % NAMESPACES}`,
    name: '',
  }
})
const began = performance.now()
rbac.authorize(asks[0]!)
console.log(`first decision, which reads ${BINDINGS} bindings   ${(performance.now() - began).toFixed(1)} ms`)

const times = new Float64Array(DECISIONS)
for (let at = -WARM_UP; at < DECISIONS; at++) {
  const from = performance.now()
  rbac.authorize(asks[(at + WARM_UP) % asks.length]!)
  if (at >= 0) times[at] = (performance.now() - from) * 1000
}
times.sort()
const percentile = (share: number): string => times[Math.floor(DECISIONS * share)]!.toFixed(2).padStart(8)
console.log(
  `a decision of RBAC, µs                       p50 ${percentile(0.5)}   p99 ${percentile(0.99)}   p99.9 ${percentile(0.999)}`,
)

const name = 'one-more'
const subjects = [{ apiGroup: GROUP, kind: 'User', name: 'late' }]
const from = performance.now()
const ROUNDS = 200
for (let at = 0; at < ROUNDS; at++) {
  await client.create(clusterRoleBindings, {
    apiVersion: `${GROUP}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef,
    subjects,
  })
  await client.delete(clusterRoleBindings, name)
  await cache.current()
  rbac.authorize({ ...asks[0]!, user: { username: 'late', groups: [] } })
}
console.log(`a binding made, gone and decided by          ${(((performance.now() - from) / ROUNDS) * 1000).toFixed(0)} µs`)

const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } }
const issue = async (): Promise<string> => {
  const made = await client.createSubresource(serviceAccounts, 'ns-0/default', 'token', request)
  return (made as unknown as { status: { token: string } }).status.token
}
const TOKENS = 200
const tokens: string[] = []
for (let at = 0; at < TOKENS; at++) tokens.push(await issue())
const peer = { kind: 'tls', address: '127.0.0.1' } as const
const verify = async (token: string): Promise<void> => {
  const { status } = await api.server.handle(
    { method: 'GET', path: '/version', headers: { authorization: `Bearer ${token}` } },
    peer,
  )
  if (status !== 200) throw new Error(`a token was not accepted: ${status}`)
}
for (const [what, rounds] of [
  ['a request with a token that is new', 1],
  ['with one that is known', 20],
] as const) {
  const start = performance.now()
  for (let round = 0; round < rounds; round++) for (const token of tokens) await verify(token)
  console.log(`${what.padEnd(44)} ${(((performance.now() - start) / (rounds * TOKENS)) * 1000).toFixed(0)} µs`)
}
