import type { Pod, PodDisruptionBudget } from '#api'
import { pods } from '#api'
import { explain } from '../diagnosis.ts'
import {
  type Cycle,
  definePlugin,
  type Filters,
  matcherOf,
  type NodeInfo,
  on,
  type PodInfo,
  type PostFilterContext,
  type Ruling,
} from '../framework/index.ts'

/** How many candidate nodes are worked out: a tenth of the cluster, at least this many. */
const CANDIDATES_MIN = 100
const CANDIDATES_PERCENTAGE = 10
/** Priorities may be negative; sums are compared after shifting them above zero. */
const PRIORITY_SHIFT = 2 ** 31

interface Candidate {
  readonly node: NodeInfo
  /** Most important first. */
  readonly victims: readonly PodInfo[]
  readonly budgetViolations: number
}

/** Makes room for a pod by evicting less important ones from the node where that hurts least. */
export const defaultPreemption = definePlugin({
  name: 'DefaultPreemption',
  postFilter(pod, context) {
    const refusal = ineligible(pod, context)
    if (refusal !== undefined) return { kind: 'rejected', message: `preemption: ${refusal}.` }
    const rulings = new Map<string, Ruling>()
    const candidates = findCandidates(context, rulings)
    if (candidates.length === 0) {
      const others: Ruling = {
        kind: 'unresolvable',
        reasons: ['Preemption is not helpful for scheduling'],
        plugin: 'DefaultPreemption',
      }
      const nodeCount = context.cycle.snapshot.nodes.length
      return { kind: 'rejected', message: `preemption: ${explain({ nodeCount, rulings, others, rejectedBy: new Set() })}` }
    }
    const best = candidates.reduce((a, b) => (hurtsLess(b, a) ? b : a))
    return { kind: 'nominated', nodeName: best.node.name, victims: best.victims.map((victim) => victim.pod) }
  },
  requeueOn: [on(pods, ({ before, after }) => before !== undefined && after === undefined && Boolean(before.spec?.nodeName))],
})

function ineligible(pod: Pod, { cycle, rulingOn }: PostFilterContext): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never'
  const nominated = pod.status?.nominatedNodeName ?? ''
  const node = cycle.snapshot.get(nominated)
  // Where nothing can help any more, another node may be tried at once.
  if (node === undefined || rulingOn(nominated)?.kind === 'unresolvable') return undefined
  const leaving = [...node.pods.values()].some(
    ({ pod: other, priority }) => priority < cycle.info.priority && isBeingPreempted(other),
  )
  return leaving ? 'not eligible due to a terminating pod on the nominated node' : undefined
}

function isBeingPreempted(pod: Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp !== undefined &&
    (pod.status?.conditions ?? []).some(
      ({ type, status, reason }) => type === 'DisruptionTarget' && status === 'True' && reason === 'PreemptionByScheduler',
    )
  )
}

function findCandidates(context: PostFilterContext, rulings: Map<string, Ruling>): Candidate[] {
  const { cycle, filters, random, rulingOn } = context
  if (filters === undefined) return []
  const helpful = cycle.snapshot.nodes.filter(({ name }) => rulingOn(name)?.kind === 'unschedulable')
  const wanted = Math.max(Math.floor((helpful.length * CANDIDATES_PERCENTAGE) / 100), CANDIDATES_MIN)
  const start = helpful.length === 0 ? 0 : random.int(helpful.length)
  const budgets = new BudgetLookup(cycle)
  const candidates: Candidate[] = []
  for (let looked = 0; looked < helpful.length && candidates.length < wanted; looked++) {
    const node = helpful[(start + looked) % helpful.length]!
    const result = victimsOn(node, filters, context, budgets)
    if ('reasons' in result) rulings.set(node.name, result)
    else candidates.push(result)
  }
  return candidates
}

/**
 * Takes every less important pod off the node in thought; if the pod then fits, puts back as many as it can bear: those first
 * whose budget allows no disruption, and the important before the unimportant.
 */
function victimsOn(node: NodeInfo, original: Filters, context: PostFilterContext, budgets: BudgetLookup): Candidate | Ruling {
  const [filters, copy] = [original.clone(), node.clone()]
  const lesser = [...copy.pods.values()].filter(({ priority }) => priority < context.cycle.info.priority)
  if (lesser.length === 0)
    return { kind: 'unresolvable', reasons: ['No preemption victims found for incoming pod'], plugin: 'DefaultPreemption' }
  for (const other of lesser) filters.remove(other, copy)
  const ruling = context.check(filters, copy)
  if (ruling !== undefined) return ruling
  lesser.sort(byImportance)
  const { violating, others } = budgets.split(lesser)
  const victims: PodInfo[] = []
  const reprieve = (other: PodInfo): boolean => {
    filters.add(other, copy)
    if (context.check(filters, copy) === undefined) return true
    filters.remove(other, copy)
    victims.push(other)
    return false
  }
  const budgetViolations = violating.filter((other) => !reprieve(other)).length
  for (const other of others) reprieve(other)
  return { node, victims: victims.sort(byImportance), budgetViolations }
}

/** Which pods could not be evicted without breaking a disruption budget, each eviction using up some of it. */
class BudgetLookup {
  readonly #cycle: Cycle
  readonly #byNamespace = new Map<
    string,
    { readonly budget: PodDisruptionBudget; readonly selects: (labels: Readonly<Record<string, string>>) => boolean }[]
  >()

  constructor(cycle: Cycle) {
    this.#cycle = cycle
  }

  split(candidates: readonly PodInfo[]): { readonly violating: readonly PodInfo[]; readonly others: readonly PodInfo[] } {
    const left = new Map<PodDisruptionBudget, number>()
    const parts = Map.groupBy(candidates, ({ pod }) => {
      let violates = false
      for (const budget of this.#budgetsOf(pod)) {
        const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1
        left.set(budget, allowed)
        if (allowed < 0) violates = true
      }
      return violates
    })
    return { violating: parts.get(true) ?? [], others: parts.get(false) ?? [] }
  }

  #budgetsOf(pod: Pod): PodDisruptionBudget[] {
    const { namespace = '', name = '', labels = {} } = pod.metadata ?? {}
    let budgets = this.#byNamespace.get(namespace)
    if (budgets === undefined) {
      budgets = this.#cycle.snapshot.lookups.budgets(namespace).map((budget) => ({ budget, selects: selectorOf(budget) }))
      this.#byNamespace.set(namespace, budgets)
    }
    // What the budget's controller already counts as disrupted costs nothing more.
    return budgets
      .filter(({ budget, selects }) => selects(labels) && budget.status?.disruptedPods?.[name] === undefined)
      .map(({ budget }) => budget)
  }
}

function selectorOf({ spec }: PodDisruptionBudget): (labels: Readonly<Record<string, string>>) => boolean {
  return matcherOf(spec?.selector)
}

function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startOf(a) - startOf(b)
}

function startOf({ pod }: PodInfo): number {
  const started = pod.status?.startTime
  return started === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(started))
}

/** Fewest broken budgets, then the least important pods, then the fewest, then the youngest. */
function hurtsLess(a: Candidate, b: Candidate): boolean {
  const [left, right] = [costOf(a), costOf(b)]
  const at = left.findIndex((cost, index) => cost !== right[index])
  return at !== -1 && left[at]! < right[at]!
}

function costOf({ victims, budgetViolations }: Candidate): number[] {
  const highest = victims[0]?.priority ?? Number.NEGATIVE_INFINITY
  const sum = victims.reduce((total, { priority }) => total + priority + PRIORITY_SHIFT, 0)
  const earliest = victims
    .filter(({ priority }) => priority === highest)
    .reduce((least, victim) => Math.min(least, startOf(victim)), Number.POSITIVE_INFINITY)
  return [budgetViolations, highest, sum, victims.length, -earliest]
}
