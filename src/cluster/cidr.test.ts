import assert from 'node:assert/strict'
import test from 'node:test'
import { addressIn } from './cidr.ts'

test('addresses count from the network address, whatever host bits the range was written with', () => {
  assert.equal(addressIn('10.96.0.0/12', 1), '10.96.0.1')
  assert.equal(addressIn('10.99.3.7/12', 10), '10.96.0.10')
  assert.equal(addressIn('192.168.255.0/24', 255), '192.168.255.255')
  assert.equal(addressIn('10.0.255.0/16', 256), '10.0.1.0')
})
