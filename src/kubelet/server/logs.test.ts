import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { type LogOptions, readLog } from './logs.ts'

const stamp = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z`
const line = (second: number, text: string, stream = 'stdout', tag = 'F'): string => `${stamp(second)} ${stream} ${tag} ${text}\n`

function directory() {
  const path = mkdtempSync(join(tmpdir(), 't8s-logs-'))
  return { path, log: join(path, '0.log'), [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

async function read(path: string, options: Partial<LogOptions> = {}): Promise<string> {
  const { signal } = new AbortController()
  const all = { follow: false, timestamps: false, stream: 'All' as const, signal, ended: Promise.resolve(), ...options }
  let text = ''
  for await (const bytes of readLog(path, all)) text += Buffer.from(bytes).toString()
  return text
}

test('the last lines are found from the end, whatever their length', async () => {
  using place = directory()
  const long = 'x'.repeat(16_384)
  const content = [
    ...Array.from({ length: 3000 }, (_, index) => line(1, `line ${index}`)),
    line(2, long, 'stdout', 'P'),
    line(2, long, 'stdout', 'P'),
    line(2, 'end of a long one'),
    line(3, 'to stderr', 'stderr'),
    line(4, 'no newline', 'stdout', 'P'),
  ]
  writeFileSync(place.log, content.join(''))
  assert.equal(await read(place.log, { tailLines: 0 }), '')
  assert.equal(await read(place.log, { tailLines: 1 }), 'no newline')
  assert.equal(await read(place.log, { tailLines: 2 }), 'to stderr\nno newline')
  assert.equal(await read(place.log, { tailLines: 3 }), `${long}${long}end of a long one\nto stderr\nno newline`)
  assert.equal(await read(place.log, { tailLines: 1, stream: 'Stderr' }), 'to stderr\n')
  assert.equal((await read(place.log, { tailLines: 2000 })).slice(0, 10), 'line 1003\n')
  assert.equal(await read(place.log, { tailLines: 9999 }), await read(place.log))
})

test('an empty log, and one that is not there, have no lines', async () => {
  using place = directory()
  assert.equal(await read(place.log), '')
  writeFileSync(place.log, '')
  assert.equal(await read(place.log, { tailLines: 3 }), '')
})

test('following goes from one file to the next and loses nothing in between', async () => {
  using place = directory()
  writeFileSync(place.log, line(1, 'one'))
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const { signal } = new AbortController()
  const seen: string[] = []
  for await (const bytes of readLog(place.log, { follow: true, timestamps: false, stream: 'All', signal, ended })) {
    seen.push(Buffer.from(bytes).toString())
    if (seen.length === 1) {
      appendFileSync(place.log, line(2, 'two'))
      renameSync(place.log, `${place.log}.20260101-000000`)
      appendFileSync(`${place.log}.20260101-000000`, line(3, 'three'))
      writeFileSync(place.log, line(4, 'four'))
    }
    if (seen.length === 4) end()
  }
  assert.deepEqual(seen, ['one\n', 'two\n', 'three\n', 'four\n'])
})
