/** What the seats asked for were like over a period. */
export interface Observation {
  readonly average: number
  readonly deviation: number
  readonly highest: number
}

/** Integrates over time how many seats a level has in use or asked for. */
export class SeatDemand {
  #seats = 0
  #lastMs: number
  #startMs: number
  #integral = 0
  #integralOfSquares = 0
  #highest = 0

  constructor(nowMs: number) {
    this.#lastMs = nowMs
    this.#startMs = nowMs
  }

  get seats(): number {
    return this.#seats
  }

  add(delta: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#seats += delta
    if (this.#seats > this.#highest) this.#highest = this.#seats
  }

  /** Ends a period and begins the next. */
  reset(nowMs: number): Observation {
    this.#advance(nowMs)
    const lengthMs = nowMs - this.#startMs
    const average = lengthMs > 0 ? this.#integral / lengthMs : this.#seats
    const variance = lengthMs > 0 ? this.#integralOfSquares / lengthMs - average * average : 0
    const highest = this.#highest
    this.#integral = 0
    this.#integralOfSquares = 0
    this.#startMs = nowMs
    this.#highest = this.#seats
    return { average, deviation: Math.sqrt(Math.max(0, variance)), highest }
  }

  #advance(nowMs: number): void {
    const passedMs = nowMs - this.#lastMs
    this.#lastMs = nowMs
    this.#integral += this.#seats * passedMs
    this.#integralOfSquares += this.#seats * this.#seats * passedMs
  }
}

/** How slowly the smoothed demand falls; it rises at once. */
const SMOOTHING = 0.977

export const smoothed = (before: number, { average, deviation }: Observation): number => {
  const envelope = average + deviation
  return Math.max(envelope, SMOOTHING * before + (1 - SMOOTHING) * envelope)
}
