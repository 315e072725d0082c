import assert from 'node:assert/strict'
import test from 'node:test'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { systemClock } from '#base'
import { StoreFailure } from '../store.ts'
import { ChangingEndpoints } from './endpoint.ts'
import { openEtcdAdmin, openEtcdStore } from './index.ts'
import { etcdCodec } from './messages.ts'

/** An etcd that says of itself what the test wants. */
async function pretend(answers: { readonly version?: string; readonly clusterId?: bigint; readonly memberId?: bigint }) {
  const server = new Server()
  const unary = (path: string, output: string, answer: object) => ({
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (value: object) => etcdCodec.encode(output, value),
    responseDeserialize: (bytes: Buffer) => bytes,
    answer,
  })
  const { version, clusterId = 1n, memberId = 0xffff_ffff_ffff_fff1n } = answers
  const methods = {
    range: unary('/etcdserverpb.KV/Range', 'RangeResponse', { header: { clusterId, revision: 7 } }),
    status: unary('/etcdserverpb.Maintenance/Status', 'StatusResponse', {
      header: { clusterId, memberId },
      version,
      leader: memberId,
    }),
    list: unary('/etcdserverpb.Cluster/MemberList', 'MembersResponse', {
      header: { clusterId, memberId },
      members: [
        { id: memberId, name: 'a', peerURLs: ['https://a:2380'], clientURLs: ['https://a:2379'], isLearner: true },
        { id: 2n },
      ],
    }),
    moveLeader: unary('/etcdserverpb.Maintenance/MoveLeader', 'MoveLeaderResponse', {}),
  }
  server.addService(
    methods,
    Object.fromEntries(
      Object.entries(methods).map(([name, { answer }]) => [
        name,
        (_: unknown, done: (e: null, v: object) => void) => done(null, answer),
      ]),
    ),
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  )
  return { url: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => server.forceShutdown() }
}

const refused = (sentence: RegExp) => (error: unknown) =>
  error instanceof StoreFailure && error.reason === 'Refused' && sentence.test(error.message)

test('an etcd that is too old is refused with its version', async () => {
  using old = await pretend({ version: '3.3.25' })
  await assert.rejects(
    openEtcdStore({ servers: [old.url], clock: systemClock }),
    refused(/is of version 3\.3\.25, and 3\.4 or later is needed/),
  )
  using current = await pretend({ version: '3.10.0' })
  await using store = await openEtcdStore({ servers: [current.url], clock: systemClock })
  assert.equal(store.revision, 7)
})

test('which cluster it is, is told exactly', async () => {
  using etcd = await pretend({ version: '3.4.23', clusterId: 0xcdf8_181e_3ae0_9772n })
  const seen: string[] = []
  await using _store = await openEtcdStore({ servers: [etcd.url], clock: systemClock, checkCluster: (id) => seen.push(id) })
  assert.deepEqual(seen, ['cdf8181e3ae09772'])
})

test('members are read with their whole ids', async () => {
  using etcd = await pretend({ version: '3.4.23' })
  using admin = await openEtcdAdmin({ servers: [etcd.url], clock: systemClock })
  const [member, added] = await admin.members()
  assert.deepEqual(member, {
    id: 0xffff_ffff_ffff_fff1n,
    name: 'a',
    peerURLs: ['https://a:2380'],
    clientURLs: ['https://a:2379'],
    isLearner: true,
  })
  assert.deepEqual(added, { id: 2n, name: '', peerURLs: [], clientURLs: [], isLearner: false })
  assert.equal((await admin.status()).leader, 0xffff_ffff_ffff_fff1n)
  // Its answer is empty, and is taken all the same.
  await admin.moveLeader(2n)
})

test('a store goes on with the members that there are now', async () => {
  using first = await pretend({ version: '3.4.23' })
  const endpoints = new ChangingEndpoints({ servers: [first.url] })
  await using store = await openEtcdStore({ servers: endpoints, clock: systemClock })
  using second = await pretend({ version: '3.4.23' })
  endpoints.replace({ servers: [second.url] })
  first[Symbol.dispose]()
  assert.equal(await store.latest(), 7)
})
