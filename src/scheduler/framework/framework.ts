import { assert } from '#base'
import type { NodeInfo } from './node-info.ts'
import { type Cycle, type Plugin, SCORE_MAX, type WeightedPlugin } from './plugin.ts'
import type { PodInfo } from './pod-info.ts'
import { fits, type Rejection, type Verdict } from './verdict.ts'

/** A verdict and the plugin that gave it. */
export type Ruling = Rejection & { readonly plugin: string }

interface FilterStep {
  readonly plugin: Plugin
  readonly state: unknown
}

/** The filters that apply to one pod, with their state; can be asked about the cluster as it is and about changed copies. */
export class Filters {
  readonly #cycle: Cycle
  readonly #steps: readonly FilterStep[]

  constructor(cycle: Cycle, steps: readonly FilterStep[]) {
    this.#cycle = cycle
    this.#steps = steps
  }

  run(node: NodeInfo): Ruling | undefined {
    for (const { plugin, state } of this.#steps) {
      const verdict = plugin.filter?.(this.#cycle.pod, node, state) ?? fits
      if (verdict.kind !== 'fits') return { ...verdict, plugin: plugin.name }
    }
    return undefined
  }

  clone(): Filters {
    const steps = this.#steps.map(({ plugin, state }) => ({ plugin, state: plugin.whatIf ? plugin.whatIf.clone(state) : state }))
    return new Filters(this.#cycle, steps)
  }

  /** Puts a pod on `node`, which must be a clone, in thought. */
  add(other: PodInfo, node: NodeInfo): void {
    node.addPod(other)
    for (const { plugin, state } of this.#steps) plugin.whatIf?.add(state, this.#cycle, other, node)
  }

  remove(other: PodInfo, node: NodeInfo): void {
    node.removePod(other.id)
    for (const { plugin, state } of this.#steps) plugin.whatIf?.remove(state, this.#cycle, other, node)
  }
}

export type PreFilterOutcome =
  | { readonly kind: 'rejected'; readonly ruling: Ruling }
  | {
      readonly kind: 'filters'
      readonly filters: Filters
      /** When set, only these nodes are worth a look, because of `limitedBy`. */
      readonly nodeNames: ReadonlySet<string> | undefined
      readonly limitedBy: readonly string[]
    }

/** Runs every plugin's preparation for filtering. */
export function preFilter(plugins: readonly WeightedPlugin[], cycle: Cycle): PreFilterOutcome {
  const steps: FilterStep[] = []
  const limitedBy: string[] = []
  let nodeNames: ReadonlySet<string> | undefined
  for (const { plugin } of plugins) {
    if (plugin.preFilter === undefined) {
      if (plugin.filter !== undefined) steps.push({ plugin, state: undefined })
      continue
    }
    const result = plugin.preFilter(cycle.pod, cycle)
    if (result.kind === 'skip') continue
    if (result.kind !== 'state') return { kind: 'rejected', ruling: { ...result, plugin: plugin.name } }
    steps.push({ plugin, state: result.state })
    if (result.nodeNames === undefined) continue
    limitedBy.push(plugin.name)
    nodeNames = nodeNames === undefined ? result.nodeNames : new Set([...nodeNames].filter((name) => result.nodeNames!.has(name)))
  }
  return { kind: 'filters', filters: new Filters(cycle, steps), nodeNames, limitedBy: limitedBy.sort() }
}

/** The weighted sum of all plugins' scores, one for each of `nodes`. */
export function scoreNodes(plugins: readonly WeightedPlugin[], cycle: Cycle, nodes: readonly NodeInfo[]): number[] {
  const totals = new Array<number>(nodes.length).fill(0)
  for (const { plugin, weight } of plugins) {
    if (plugin.score === undefined || weight === 0) continue
    const prepared = plugin.preScore?.(cycle.pod, nodes, cycle)
    if (prepared?.kind === 'skip') continue
    const scores = nodes.map((node) => plugin.score!(cycle.pod, node, prepared?.state))
    normalize(plugin, scores, nodes, prepared?.state)
    for (const [at, score] of scores.entries()) {
      assert(score >= 0 && score <= SCORE_MAX, `${plugin.name} scores within 0…${SCORE_MAX}`)
      totals[at]! += score * weight
    }
  }
  return totals
}

export function rejected(verdict: Verdict | undefined): verdict is Rejection {
  return verdict !== undefined && verdict.kind !== 'fits'
}

function normalize(plugin: Plugin, scores: number[], nodes: readonly NodeInfo[], state: unknown): void {
  if (plugin.normalize === undefined) return
  if (typeof plugin.normalize === 'function') plugin.normalize(scores, nodes, state)
  else scaleByHighest(scores, plugin.normalize === 'descending')
}

function scaleByHighest(scores: number[], reverse: boolean): void {
  const highest = scores.reduce((most, score) => Math.max(most, score), 0)
  for (const [at, score] of scores.entries()) {
    const scaled = highest === 0 ? 0 : Math.floor((score * SCORE_MAX) / highest)
    scores[at] = reverse ? SCORE_MAX - scaled : scaled
  }
}
