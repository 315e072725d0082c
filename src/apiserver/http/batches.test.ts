import assert from 'node:assert/strict'
import test from 'node:test'
import { nextTurn } from '#base'
import { mayFill } from './batches.ts'

const FEW = 3

/** Fills batches until it has had as many as it wants, one each time that it may. */
class Client {
  readonly #log: string[]
  readonly name: string
  wanted: number

  constructor(name: string, wanted: number, log: string[]) {
    this.name = name
    this.wanted = wanted
    this.#log = log
  }

  proceed(): void {
    if (this.wanted === 0 || !mayFill(this)) return
    this.wanted--
    this.#log.push(this.name)
  }
}

test('a few batches are filled in one turn, for all clients in the order in which they came', async () => {
  await nextTurn()
  const log: string[] = []
  const clients = Array.from({ length: 8 }, (_, at) => new Client(`${at}`, 1, log))
  for (const client of clients) client.proceed()
  const turns = [log.splice(0)]
  for (let turn = 0; turn < 2; turn++) {
    await nextTurn()
    turns.push(log.splice(0))
  }
  assert.deepEqual(turns, [
    ['0', '1', '2'],
    ['3', '4', '5'],
    ['6', '7'],
  ])
})

test('who is gone when its turn comes, or was told again before, takes nothing from those behind it', async () => {
  await nextTurn()
  const log: string[] = []
  const clients = ['a', 'b', 'c', 'gone', 'd', 'e', 'f'].map((name) => new Client(name, 1, log))
  for (const client of clients) client.proceed()
  for (const client of clients) client.proceed()
  clients[3]!.wanted = 0
  await nextTurn()
  assert.equal(log.join(' '), 'a b c d e f')
})

test('what is begun in a later turn is not held up by what came before', async () => {
  await nextTurn()
  const log: string[] = []
  for (let at = 0; at < FEW; at++) new Client('early', 1, log).proceed()
  await nextTurn()
  new Client('late', 1, log).proceed()
  assert.equal(log.at(-1), 'late')
})
