import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { VirtualClock } from '#base'
import { StatusError } from '#meta'
import { openMemoryStore, StoreFailure, type StoreFailureReason } from '#store'
import { ask, startTestApiServer } from '#testing'

const EXPECTED: Readonly<Record<StoreFailureReason, readonly [code: number, reason: string, message: RegExp]>> = {
  Unavailable: [
    500,
    'ServerTimeout',
    /^The create operation against configmaps could not be completed at this time, please try again\.$/,
  ],
  NoSpace: [507, '', /^mvcc: database space exceeded$/],
  Unauthenticated: [500, 'InternalError', /^Internal error occurred: mvcc: database space exceeded$/],
  Refused: [500, 'InternalError', /^Internal error occurred: mvcc: database space exceeded$/],
}

for (const [reason, [code, statusReason, message]] of Object.entries(EXPECTED)) {
  test(`a store that fails as ${reason} is a Status, and readiness says what is wrong`, async () => {
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock })
    await using api = await startTestApiServer({ clock, store })
    store.put = () => Promise.reject(new StoreFailure(reason as StoreFailureReason, 'mvcc: database space exceeded'))
    store.problem = () => 'etcd failed'
    await assert.rejects(
      api.client.create(configMaps, { metadata: { name: 'a', namespace: 'default' } }),
      (error) =>
        error instanceof StatusError && error.code === code && error.reason === statusReason && message.test(error.message),
    )
    for (const path of ['/readyz', '/livez/etcd', '/readyz/etcd-readiness'])
      assert.equal((await ask(api, `GET ${path}`)).code, 500, path)
    assert.match((await ask(api, 'GET /readyz/etcd')).text, /etcd failed/)
  })
}
