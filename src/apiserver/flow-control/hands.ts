import { createHash } from 'node:crypto'

/** Flows whose hands are remembered; dealing one costs a hash. */
const HANDS_MAX = 10_000

/**
 * Deals every flow a hand of queues (shuffle sharding): the same flow always the same hand, and two flows rarely hands that are much alike, so a flow that
 * fills all queues of its hand leaves any other flow one that is free.
 */
export class Hands {
  readonly #deckSize: number
  readonly #handSize: number
  readonly #known = new Map<string, readonly number[]>()

  constructor(deckSize: number, handSize: number) {
    this.#deckSize = deckSize
    this.#handSize = Math.min(handSize, deckSize)
  }

  of(flow: string): readonly number[] {
    let hand = this.#known.get(flow)
    if (hand === undefined) {
      hand = deal(hashOf(flow), this.#deckSize, this.#handSize)
      if (this.#known.size >= HANDS_MAX) this.#known.clear()
      this.#known.set(flow, hand)
    }
    return hand
  }
}

const hashOf = (flow: string): bigint => createHash('sha256').update(flow).digest().readBigUInt64LE()

/** Distinct cards from a deck of 0 to `deckSize` - 1, each choice as likely as the hash is even. */
export function deal(hash: bigint, deckSize: number, handSize: number): number[] {
  const hand: number[] = []
  let rest = hash
  for (let left = deckSize; hand.length < handSize; left--) {
    // The n-th of the cards that are left, which lies as much higher as lower ones were taken.
    let card = Number(rest % BigInt(left))
    rest /= BigInt(left)
    for (const taken of [...hand].sort((a, b) => a - b)) if (taken <= card) card++
    hand.push(card)
  }
  return hand
}
