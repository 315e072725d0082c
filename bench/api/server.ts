/**
 * Our API server in a process of its own: TLS, authentication by certificates, RBAC, a durable store. Parameters: certificate, key and authority, as files, and the store's
 * directory, which may be one that was filled before.
 */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createApiServer } from '#apiserver'
import { assert, compileSooner, nullLog, systemClock, systemRandom } from '#base'
import { createClient, inProcessTransport } from '#client'
import { isAlreadyExists } from '#meta'
import { openEmbeddedStore } from '#store'
import { clusterRoleBindings, pods, serviceAccounts } from '../../src/api/index.ts'
import { podAt } from './pod.ts'
import { answerParent } from './process.ts'

const [certificateFile = '', keyFile = '', caFile = '', directory = ''] = process.argv.slice(2)
const [certificate = '', key = '', clientCA = ''] = [certificateFile, keyFile, caFile].map((file) => readFileSync(file, 'utf8'))
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
  serviceClusterIPRanges: ['10.96.0.0/12'],
  serviceNodePortRange: { from: 30_000, to: 32_767 },
})
await server.ready
const admin = createClient(inProcessTransport(server, { user: { username: 'admin', groups: ['system:masters'] } }))
const exists = (error: unknown): void => assert(isAlreadyExists(error), 'the directory was filled before')
// Whoever asks has no group of its own: rules decide, not a bypass.
await admin
  .create(clusterRoleBindings, {
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bench' }],
  })
  .catch(exists)
await admin.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } }).catch(exists)
const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls: { certificate, key, clientCA } })
// As the command line does.
compileSooner()

answerParent({ port }, async (message) => {
  if (message.kind !== 'fill') return undefined
  const BATCH = 200
  for (let from = 0; from < message.count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, message.count - from) }, (_, at) => podAt(from + at))
    await Promise.all(batch.map((pod) => admin.create(pods, pod)))
  }
  return undefined
})
