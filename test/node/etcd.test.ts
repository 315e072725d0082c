import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test, { after, before, describe } from 'node:test'
import { systemClock } from '#base'
import { openEtcdStore } from '#store'
import { storeConformance } from '../../src/store/conformance.ts'
import { EtcdCluster } from './etcd-cluster.ts'

/** A lease's end is up to a second late on a busy machine, never early. */
const TTL_SECONDS = 5

for (const count of [1, 3]) {
  describe(`etcd with ${count} member${count === 1 ? '' : 's'}`, () => {
    let cluster: EtcdCluster
    let stores = 0
    before(async () => {
      cluster = await EtcdCluster.start(count)
    })
    after(() => cluster[Symbol.asyncDispose]())

    storeConformance(`etcd, ${count} members`, async () => {
      const prefix = `/test-${stores++}`
      // etcd's time is that of its machine.
      const open = () => openEtcdStore({ servers: cluster.servers, prefix, root: '', clock: systemClock })
      return {
        open,
        reopen: open,
        time: { ttlSeconds: TTL_SECONDS, pass: (ms) => systemClock.sleep(ms) },
        async [Symbol.asyncDispose]() {},
      }
    })
  })
}

test('entries that are written together share a lease', async () => {
  await using cluster = await EtcdCluster.start(1)
  await using store = await openEtcdStore({ servers: cluster.servers, clock: systemClock })
  const put = (name: string, ttlSeconds: number) =>
    store.put(`/registry/events/${name}`, Buffer.from(name), { expected: 0, ttlSeconds })
  await Promise.all(Array.from({ length: 1500 }, (_, index) => put(`e${index}`, 3600)))
  await put('other', 60)
  const listed = execFileSync('etcdctl', ['--endpoints', cluster.servers[0]!, 'lease', 'list'], {
    encoding: 'utf8',
    env: { ...process.env, ETCDCTL_API: '3' },
  })
  assert.match(listed, /^found 3 leases/, 'two of at most a thousand entries, and one that ends sooner')
})
