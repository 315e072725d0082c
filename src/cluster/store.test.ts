import assert from 'node:assert/strict'
import test from 'node:test'
import { checkStoreChoice } from './store.ts'

const REFUSED: readonly [store: string, etcd: object | undefined, why: RegExp][] = [
  ['postgres', undefined, /^there is no store "postgres"; use embedded, or etcd=URL,URL$/],
  ['etcd', undefined, /^there is no store "etcd"/],
  ['etcd=', undefined, /^no member of the etcd cluster is named/],
  ['etcd=10.0.0.1:2379', undefined, /^"10\.0\.0\.1:2379" is no URL of an etcd member; it looks like https:/],
  ['etcd=http://a:2379,ftp://b', undefined, /^"ftp:\/\/b" is no URL of an etcd member/],
  ['etcd=https://a:2379', { certFile: 'c.pem' }, /^a client certificate for etcd and its key belong together; name both files$/],
]

for (const [store, etcd, message] of REFUSED)
  test(`the store ${store} is refused in a sentence`, () => assert.throws(() => checkStoreChoice({ store, etcd }), { message }))

test('stores that there are are taken', () => {
  for (const store of ['embedded', 'memory', 'etcd=https://10.0.0.1:2379,https://[::1]:2379']) checkStoreChoice({ store })
})
