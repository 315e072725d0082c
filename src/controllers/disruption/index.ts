import {
  type Condition,
  deployments,
  isPodReady,
  isPodTerminal,
  isPodTerminating,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '#api'
import { deepEqual } from '#base'
import { formatTime, isNotFound, keyOf, selects } from '#meta'
import { defineController, done, type ReconcileContext, type Result, requeueAt, watch } from '../framework/index.ts'
import { type Expected, expectedOf } from './expected.ts'

/** A pod whose eviction was granted and that is not even on its way out by then is taken to have stayed. */
const DELETION_MS_MAX = 2 * 60_000
/** A pod that was marked for a disruption that did not come is a pod like any other again. */
const STALE_DISRUPTION_MS = 2 * 60_000

type Status = NonNullable<PodDisruptionBudget['status']>

/** Says of every budget how many of its pods may be evicted now (https://kubernetes.io/docs/tasks/run-application/configure-pdb/). */
export const disruptionController = defineController<PodDisruptionBudget>({
  name: 'disruption-controller',
  for: podDisruptionBudgets,
  watches: [
    watch(pods, function* (pod, { cache }) {
      for (const budget of cache(podDisruptionBudgets).list({ namespace: pod.metadata?.namespace }))
        if (selects(budget.spec?.selector, pod.metadata?.labels)) yield keyOf(budget)
    }),
  ],
  reads: [replicaSets, replicationControllers, statefulSets, deployments] as never,
  async reconcile(context) {
    const { key, cache, recorder } = context
    const budget = cache(podDisruptionBudgets).get(key)
    if (budget === undefined) return done
    const selected = cache(pods)
      .list({ namespace: budget.metadata?.namespace })
      .filter(({ metadata }) => selects(budget.spec?.selector, metadata?.labels))
    if (selected.length === 0) recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found')
    let expected: Expected
    try {
      expected = await expectedOf(context, budget, selected)
    } catch (error) {
      const { message } = error as Error
      recorder.event(
        budget,
        'Warning',
        'CalculateExpectedPodCountFailed',
        `Failed to calculate the number of expected pods: ${message}`,
      )
      await write(context, budget, failed(context, budget, message))
      throw error
    }
    if (expected.unmanaged.length > 0) recorder.event(budget, 'Warning', 'UnmanagedPods', unmanagedMessage(budget))
    return judge(context, budget, selected, expected)
  },
})

const unmanagedMessage = ({ spec }: PodDisruptionBudget): string =>
  `Pods selected by this PodDisruptionBudget (selector: ${JSON.stringify(spec?.selector ?? {})}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`

async function judge(
  context: ReconcileContext,
  budget: PodDisruptionBudget,
  selected: readonly Pod[],
  expected: Expected,
): Promise<Result> {
  const { disruptedPods, checkAtMs } = stillDisrupted(context, budget, selected)
  const currentHealthy = selected.filter(
    (pod) => !isPodTerminating(pod) && disruptedPods[pod.metadata?.name ?? ''] === undefined && isPodReady(pod),
  ).length
  const disruptionsAllowed = expected.pods <= 0 ? 0 : Math.max(0, currentHealthy - expected.healthy)
  await write(context, budget, {
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
    currentHealthy,
    desiredHealthy: expected.healthy,
    expectedPods: expected.pods,
    disruptionsAllowed,
    observedGeneration: budget.metadata?.generation ?? 0,
    conditions: withCondition(
      context,
      budget,
      disruptionsAllowed > 0
        ? { status: 'True', reason: 'SufficientPods', message: '' }
        : { status: 'False', reason: 'InsufficientPods', message: '' },
    ),
  })
  return checkAtMs === undefined ? done : requeueAt(checkAtMs)
}

/** Evictions that were granted and have not been seen yet; an eviction that never came is forgotten, so that its budget is not used up for ever. */
function stillDisrupted(
  { clock, recorder }: ReconcileContext,
  { metadata, status }: PodDisruptionBudget,
  selected: readonly Pod[],
): { readonly disruptedPods: Record<string, string>; readonly checkAtMs: number | undefined } {
  const disruptedPods: Record<string, string> = {}
  let checkAtMs: number | undefined
  for (const pod of selected) {
    const name = pod.metadata?.name ?? ''
    const since = status?.disruptedPods?.[name]
    if (since === undefined || isPodTerminating(pod)) continue
    const dueMs = Date.parse(since) + DELETION_MS_MAX
    if (dueMs < clock.now()) {
      const message = `Pod was expected by PDB ${metadata?.namespace}/${metadata?.name} to be deleted but it wasn't`
      recorder.event(pod, 'Warning', 'NotDeleted', message)
      continue
    }
    disruptedPods[name] = since
    checkAtMs = Math.min(checkAtMs ?? Number.POSITIVE_INFINITY, dueMs + 1)
  }
  return { disruptedPods, checkAtMs }
}

/** What can't be judged may not be disturbed. */
function failed(context: ReconcileContext, budget: PodDisruptionBudget, message: string): Status {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0, ...rest } = budget.status ?? ({} as Partial<Status>)
  return {
    ...rest,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed: 0,
    conditions: withCondition(context, budget, { status: 'False', reason: 'SyncFailed', message }),
  }
}

function withCondition(
  { clock }: ReconcileContext,
  { metadata, status }: PodDisruptionBudget,
  wanted: Pick<Condition, 'status' | 'reason' | 'message'>,
): Condition[] {
  const type = 'DisruptionAllowed'
  const all = status?.conditions ?? []
  const before = all.find((each) => each.type === type)
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : formatTime(clock.now())
  const condition = { type, ...wanted, lastTransitionTime, observedGeneration: metadata?.generation ?? 0 }
  return before === undefined ? [...all, condition] : all.map((each) => (each === before ? condition : each))
}

async function write({ client }: ReconcileContext, budget: PodDisruptionBudget, status: Status): Promise<void> {
  if (deepEqual(budget.status, status)) return
  try {
    await client.updateStatus(podDisruptionBudgets, { ...budget, status })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Takes back the mark of a disruption that never came, so that a later failure is not excused by it. */
export const staleDisruptions = defineController<Pod>({
  name: 'disruption-controller',
  for: pods,
  async reconcile({ key, cache, client, clock }) {
    const pod = cache(pods).get(key)
    const mark = pod?.status?.conditions?.find(({ type, status }) => type === 'DisruptionTarget' && status === 'True')
    if (pod === undefined || mark === undefined || isPodTerminating(pod) || isPodTerminal(pod)) return done
    const dueMs = Date.parse(mark.lastTransitionTime ?? '') + STALE_DISRUPTION_MS
    if (dueMs > clock.now()) return requeueAt(dueMs)
    const { message: _message, reason: _reason, ...rest } = mark
    const condition = { ...rest, status: 'False', lastTransitionTime: formatTime(clock.now()) }
    const conditions = pod.status!.conditions!.map((each) => (each === mark ? condition : each))
    try {
      await client.patch(pods, key, { status: { conditions } }, { type: 'merge', subresource: 'status' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return done
  },
})
