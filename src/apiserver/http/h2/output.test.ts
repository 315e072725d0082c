import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import test from 'node:test'
import { Output } from './output.ts'

const CONNECTIONS = 1_000
const WORD_BYTES = 1_000
const SLAB_BYTES = 64 * 1024

/** A socket that takes what it is given when it is told to, or fails. */
class Socket extends Duplex {
  readonly got: Buffer[] = []
  #take: ((error?: Error) => void) | undefined

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.got.push(chunk)
    this.#take = done
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this.got.push(...chunks.map(({ chunk }) => chunk))
    this.#take = done
  }

  async accept(error?: Error): Promise<void> {
    this.#take?.(error)
    await new Promise((resolve) => setImmediate(resolve))
  }

  get text(): string {
    return Buffer.concat(this.got).toString()
  }
}

function connect(): { readonly socket: Socket; readonly output: Output } {
  const socket = new Socket()
  socket.on('error', () => undefined)
  return { socket, output: new Output(socket, () => undefined) }
}

const memoryOf = (sockets: readonly Socket[]): Set<ArrayBufferLike> =>
  new Set(sockets.flatMap(({ got }) => got.map(({ buffer }) => buffer)))

const wordOf = (index: number, round: number): string => `${round}/${index} `.padEnd(WORD_BYTES, '.')

test('a word to each of many connections needs the memory of the words, which the next ones use again', async () => {
  const all = Array.from({ length: CONNECTIONS }, connect)
  const sockets = all.map(({ socket }) => socket)
  const used: Set<ArrayBufferLike>[] = []
  for (const round of [1, 2]) {
    // In two pieces each, between which others write.
    for (const half of [0, 1])
      for (const [index, { output }] of all.entries())
        output.copy(Buffer.from(wordOf(index, round).slice((half * WORD_BYTES) / 2, ((half + 1) * WORD_BYTES) / 2)))
    for (const { output } of all) output.flush()
    for (const [index, socket] of sockets.entries()) assert.equal(socket.text, wordOf(index, round))
    used.push(memoryOf(sockets))
    for (const socket of sockets) {
      await socket.accept()
      socket.got.length = 0
    }
  }
  const [first, second] = used as [Set<ArrayBufferLike>, Set<ArrayBufferLike>]
  assert.ok(first.size <= Math.ceil((CONNECTIONS * WORD_BYTES) / SLAB_BYTES) + 1, `${first.size} slabs`)
  assert.ok(second.difference(first).size <= 1, `${second.difference(first).size} new slabs`)
})

test('what a connection has that does not read, or that broke, is not written over', async () => {
  const [slow, broken, other] = [connect(), connect(), connect()]
  slow.output.copy(Buffer.from('slow'))
  broken.output.copy(Buffer.from('broken'))
  slow.output.flush()
  broken.output.flush()
  await broken.socket.accept(new Error('gone'))
  for (let round = 0; round < 200; round++) {
    other.output.copy(Buffer.alloc(WORD_BYTES, 'x'))
    other.output.flush()
    await other.socket.accept()
  }
  assert.deepEqual([slow.socket.text, broken.socket.text], ['slow', 'broken'])
})

test('pieces that are shared or lent stand where they were added, and what is lent is given back once it is taken', async () => {
  const { socket, output } = connect()
  let isBack = false
  output.copy(Buffer.from('a'))
  output.lend(Buffer.from('b'), () => {
    isBack = true
  })
  output.copy(Buffer.from('c'))
  output.share(Buffer.alloc(20_000, 'd'))
  output.copy(Buffer.alloc(2 * SLAB_BYTES, 'e'))
  output.flush()
  // Corked writes go out together.
  await socket.accept()
  await socket.accept()
  assert.equal(socket.text, `abc${'d'.repeat(20_000)}${'e'.repeat(2 * SLAB_BYTES)}`)
  assert.ok(isBack)
})
