import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { gunzipSync } from 'node:zlib'
import { memoryLog, VirtualClock } from '#base'
import { LogRotation } from './log-rotation.ts'

test('a log past its size is renamed and reopened, older ones are compressed and the oldest go', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-rotation-'))
  try {
    const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'))
    const logPath = join(directory, '0.log')
    const reopened: string[] = []
    let refuses = false
    const runtime = {
      async reopenContainerLog(id: string) {
        if (refuses) throw new Error('no')
        reopened.push(id)
        writeFileSync(logPath, '')
      },
    }
    const log = memoryLog()
    const rotation = new LogRotation({ runtime, clock, log, running: () => [{ id: 'c1', logPath }], bytesMax: 10, filesMax: 4 })
    const fill = async (text: string): Promise<void> => {
      writeFileSync(logPath, text)
      await rotation.rotate()
      await clock.advance(1000)
    }
    await fill('short')
    assert.deepEqual(readdirSync(directory), ['0.log'])
    for (const text of ['first is long', 'second is long', 'third is long', 'fourth is long']) await fill(text)
    assert.deepEqual(readdirSync(directory).sort(), [
      '0.log',
      '0.log.20260101-000002.gz',
      '0.log.20260101-000003.gz',
      '0.log.20260101-000004',
    ])
    assert.equal(gunzipSync(readFileSync(join(directory, '0.log.20260101-000002.gz'))).toString(), 'second is long')
    assert.equal(readFileSync(join(directory, '0.log.20260101-000004'), 'utf8'), 'fourth is long')
    assert.deepEqual(reopened, ['c1', 'c1', 'c1', 'c1'])

    refuses = true
    await fill('fifth is long')
    assert.equal(readFileSync(logPath, 'utf8'), 'fifth is long')
    assert.deepEqual(
      log.lines.map(({ message }) => message),
      ['A log was not rotated'],
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})
