import type { KubernetesObject } from '#meta'
import type { Attributes } from './types.ts'

/** What the first round of mutation leaves to know for the second. */
export class Round {
  /** Asked so far, and willing to be asked again. */
  readonly asked = new Set<string>()
  /** To be asked again, since something changed after them. */
  readonly again = new Set<string>()
  lastSeen: KubernetesObject | undefined

  askAgain(): void {
    for (const id of this.asked) this.again.add(id)
    this.asked.clear()
  }
}

/** The rounds of one plugin, by request. */
export function roundsOf(): (attributes: Attributes) => Round {
  const rounds = new WeakMap<Attributes, Round>()
  return (attributes) => {
    let round = rounds.get(attributes)
    if (round === undefined) rounds.set(attributes, (round = new Round()))
    return round
  }
}
