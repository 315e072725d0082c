import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { callControl, serveControl } from './control-socket.ts'

function temporary(): Disposable & { readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), 't8s-'))
  return { path: join(directory, 's.sock'), [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

test('a call returns what the handler made of its parameters', async () => {
  using place = temporary()
  await using _server = await serveControl(place.path, { double: async (n) => ({ n: (n as number) * 2 }) })
  assert.deepEqual(await callControl(place.path, 'double', 21), { n: 42 })
  await assert.rejects(callControl(place.path, 'triple'), /unknown method triple/)
  assert.equal(statSync(place.path).mode & 0o777, 0o600)
})

test('an error of the handler reaches the caller as a sentence', async () => {
  using place = temporary()
  await using _server = await serveControl(place.path, {
    fail: async () => {
      throw new Error('the disk is full')
    },
  })
  await assert.rejects(callControl(place.path, 'fail'), /^Error: the disk is full$/)
})

test('nobody listening is undefined, also when a dead process left its socket', async () => {
  using place = temporary()
  assert.equal(await callControl(place.path, 'status'), undefined)
})

test('a second server on the same socket is refused', async () => {
  using place = temporary()
  await using _server = await serveControl(place.path, {})
  await assert.rejects(serveControl(place.path, {}), /already serves/)
})

test('garbage closes the connection and harms nobody', async () => {
  using place = temporary()
  await using _server = await serveControl(place.path, { ping: async () => ({}) })
  await new Promise<void>((resolve) =>
    connect(place.path)
      .on('close', () => resolve())
      .on('error', () => {})
      .end('}{\n'),
  )
  assert.deepEqual(await callControl(place.path, 'ping'), {})
})

test('a path too long for a socket says so', async () => {
  await assert.rejects(serveControl(`/tmp/${'x'.repeat(120)}/s.sock`, {}), /choose a shorter --data-dir/)
})
