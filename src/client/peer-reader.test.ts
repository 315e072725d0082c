import assert from 'node:assert/strict'
import test from 'node:test'
import { certificateUser } from './peer-reader.ts'

test('a certificate is its common name’s, and says one uid or none', () => {
  const named = (uids: string[], commonName = 'ann') =>
    certificateUser({ commonName, organizations: ['dev'], uids, fingerprint: 'f00d' })
  const known = { username: 'ann', groups: ['dev'], extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=f00d'] } }
  assert.deepEqual(named([]), known)
  assert.deepEqual(named(['7']), { ...known, uid: '7' })
  assert.equal(named(['7'], ''), undefined)
  assert.throws(() => named(['a', 'b c']), { message: 'expected 1 UID, but found multiple: [a b c]' })
  assert.throws(() => named(['']), { message: 'UID cannot be an empty string' })
})
