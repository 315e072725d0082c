import { definePlugin, type PodInfo, SCORE_MAX, skip } from '../framework/index.ts'

const BALANCED_RESOURCES = ['cpu', 'memory']

/** Prefers nodes whose resources would be used in like proportion, so that none runs out while others lie idle. */
export const nodeResourcesBalancedAllocation = definePlugin<undefined, PodInfo>({
  name: 'NodeResourcesBalancedAllocation',
  preScore(_pod, _nodes, { info }) {
    // A pod that asks for nothing would push every node to the same place.
    const bestEffort = BALANCED_RESOURCES.every((name) => (info.requests.get(name) ?? 0) === 0)
    return bestEffort ? skip : { kind: 'state', state: info }
  },
  score(_pod, { allocatable, requested }, { requests }) {
    const fractions = BALANCED_RESOURCES.flatMap((name) => {
      const capacity = allocatable.get(name) ?? 0
      return capacity === 0 ? [] : [Math.min(1, ((requested.get(name) ?? 0) + (requests.get(name) ?? 0)) / capacity)]
    })
    return Math.floor((1 - deviation(fractions)) * SCORE_MAX)
  },
})

function deviation(fractions: readonly number[]): number {
  if (fractions.length < 2) return 0
  const mean = fractions.reduce((sum, fraction) => sum + fraction, 0) / fractions.length
  return Math.sqrt(fractions.reduce((sum, fraction) => sum + (fraction - mean) ** 2, 0) / fractions.length)
}
