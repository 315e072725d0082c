import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import test from 'node:test'

const PROCESSES = JSON.stringify(new URL('./processes.ts', import.meta.url).pathname)

/** Runs a program whose end takes as long as `end` says, and which says what it does. */
function program(end: string): { readonly child: ChildProcess; next(): Promise<string | undefined> } {
  const text = `
    import { runProcess } from ${PROCESSES}
    const holding = setInterval(() => {}, 10_000)
    await runProcess(async () => {
      console.log('runs')
      return { async [Symbol.asyncDispose]() { console.log('ends'); ${end} } }
    })
    clearInterval(holding)
    console.log('ended')`
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module-typescript', '--eval', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return { child, next: async () => (await lines.next()).value as string | undefined }
}

test('a process that is told to end takes its time; told again, it ends at once', async () => {
  const { child, next } = program('await new Promise(() => {})')
  assert.equal(await next(), 'runs')
  child.kill('SIGTERM')
  assert.equal(await next(), 'ends')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [1, null])
})

test('a process that is told to end once ends as it should', async () => {
  const { child, next } = program('')
  assert.equal(await next(), 'runs')
  child.kill('SIGTERM')
  assert.deepEqual([await next(), await next()], ['ends', 'ended'])
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
