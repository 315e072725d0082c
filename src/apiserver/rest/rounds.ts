import { atNextTurn } from '#base'

/** How many have their go before others of this process have theirs: the writes of so many sockets take about 5 ms. */
const PER_TURN = 256

/** Who has something to hand out. */
export interface Due {
  /** May ask for another go; never throws. */
  go(): void
}

/**
 * Hands out in rounds what came for many: whatever comes during one turn of the event loop goes out together at its end, and however many
 * there are, nobody else waits for all of them.
 */
export class Rounds {
  #due: Due[] = []
  #next = 0
  #isComing = false

  /** Whoever is due is not added again before its go. */
  add(due: Due): void {
    this.#due.push(due)
    if (!this.#isComing) this.#come()
  }

  #come(): void {
    this.#isComing = true
    atNextTurn(() => this.#turn())
  }

  #turn(): void {
    const end = Math.min(this.#due.length, this.#next + PER_TURN)
    while (this.#next < end) this.#due[this.#next++]!.go()
    this.#isComing = this.#next < this.#due.length
    if (this.#isComing) this.#come()
    else {
      this.#due = []
      this.#next = 0
    }
  }
}
