/** Our API server in a process of its own: TLS, authentication by certificates, RBAC, a durable store. Answers its parent about its CPU and memory. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApiServer } from '#apiserver'
import { nullLog, systemClock, systemRandom } from '#base'
import { createClient, inProcessTransport } from '#client'
import { createAuthority } from '#cluster'
import { openEmbeddedStore } from '#store'
import { clusterRoleBindings, pods, serviceAccounts } from '../../src/api/index.ts'
import { podAt } from './pod.ts'
import { answerParent } from './usage.ts'

const directory = mkdtempSync(join(tmpdir(), 't8s-bench-'))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
const clock = systemClock
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const server = await createApiServer({
  store: await openEmbeddedStore({ directory, clock }),
  clock,
  random: systemRandom,
  log: nullLog,
  serviceAccounts: {
    issuer: 'https://bench',
    signingKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    verificationKeys: [publicKey.export({ type: 'spki', format: 'pem' }).toString()],
  },
  serviceClusterIPRange: '10.96.0.0/12',
  serviceNodePortRange: { from: 30_000, to: 32_767 },
})
await server.ready
const admin = createClient(inProcessTransport(server, { user: { username: 'admin', groups: ['system:masters'] } }))
await admin.create(clusterRoleBindings, {
  metadata: { name: 'bench' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bench' }],
})
await admin.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } }).catch(() => undefined)
const authority = await createAuthority('bench-authority', { clock, random: systemRandom })
const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
// Whoever asks has no group of its own: rules decide, not a bypass.
const own = await authority.issue({ commonName: 'bench', usages: ['client'] })
const listener = await server.listen({ host: '127.0.0.1', port: 0, tls: { ...serving, clientCA: authority.certificate } })

answerParent(async (message) => {
  if (message.kind !== 'fill') return undefined
  const BATCH = 200
  for (let from = 0; from < message.count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, message.count - from) }, (_, at) => podAt(from + at))
    await Promise.all(batch.map((pod) => admin.create(pods, pod)))
  }
  return undefined
})
process.send?.({ kind: 'up', port: listener.port, ca: authority.certificate, serving, own })
