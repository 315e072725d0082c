import { type Eviction, isPodReady, type Pod, type PodDisruptionBudget, podDisruptionBudgets, schemaOf } from '#api'
import { failure, forbidden, formatTime, notFound, selects, success } from '#meta'
import type { RequestContext } from '../context.ts'
import { decodeBody, readAs } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import { replyObject } from '../response.ts'
import { decodeOptionsOf, isDryRun } from '../rest/write-options.ts'
import type { HandlerDependencies, Subresource } from './types.ts'

/** `pods/eviction`: a delete that asks the pod's disruption budget first (https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/). */
export const eviction: Subresource = {
  name: 'eviction',
  resources: ['pods'],
  async handle(context, dependencies) {
    const { registry } = dependencies
    const { info, resource } = context
    checkWriteOptions(context, 'CreateOptions', false)
    const options = decodeOptionsOf(context, { apiVersion: 'policy/v1', kind: 'Eviction' })
    const body = readAs(
      await decodeBody(context.body, options),
      schemaOf('io.k8s.api.policy.v1.Eviction'),
      { kind: 'Eviction', version: 'v1' },
      options,
    ) as Eviction
    const pod = (await registry.get(resource, info.namespace, info.name)).object as Pod
    if (body.metadata?.name && body.metadata.name !== info.name) throw notFound(resource, body.metadata.name)
    const wishes = body.deleteOptions
    const dryRun = isDryRun(context) || (wishes?.dryRun?.includes('All') ?? false)
    await registry.admit(context, {
      operation: 'CREATE',
      subresource: 'eviction',
      name: info.name,
      object: body,
      oldObject: undefined,
      dryRun,
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
    })
    if (countsForBudget(pod)) await takeFromBudget(context, pod, dryRun, dependencies)
    if (!dryRun) await markDisrupted(context, dependencies)
    await registry.delete(context, info.name, {
      dryRun,
      gracePeriodSeconds: wishes?.gracePeriodSeconds,
      propagationPolicy: wishes?.propagationPolicy,
      preconditions: wishes?.preconditions,
    })
    return replyObject(201, { ...success(), code: 201 })
  },
}

/** A pod that is over, or has not begun, disturbs nobody. */
const countsForBudget = ({ status, metadata }: Pod): boolean =>
  !['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '') && metadata?.deletionTimestamp === undefined

/** Leaves in the pod's status why it goes: a job may not count it as failed. */
async function markDisrupted(context: RequestContext, { registry, clock }: HandlerDependencies): Promise<void> {
  const { info } = context
  await registry.update({ ...context, info: { ...info, subresource: 'status' } }, info.name, {
    dryRun: false,
    subresource: 'status',
    internal: true,
    transform: (current) => {
      const pod = current as Pod
      const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget')
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
        lastTransitionTime: formatTime(clock.now()),
      }
      return { ...pod, status: { ...pod.status, conditions: [...others, condition] } } as Pod
    },
  })
}

async function takeFromBudget(
  context: RequestContext,
  pod: Pod,
  dryRun: boolean,
  { registry, clock }: HandlerDependencies,
): Promise<void> {
  const namespace = pod.metadata?.namespace ?? ''
  const budgets = registry.cache
    .of(podDisruptionBudgets)
    .list(namespace)
    .map(({ object }) => object as PodDisruptionBudget)
    .filter(({ spec }) => selects(spec?.selector, pod.metadata?.labels))
  const [budget] = budgets
  if (budget === undefined) return
  if (budgets.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
    throw failure(500, '', message)
  }
  if (mayGoUnready(budget, pod)) return
  if (dryRun) return checkBudget(budget)
  const name = budget.metadata?.name ?? ''
  const inner: RequestContext = {
    ...context,
    resource: podDisruptionBudgets as never,
    info: { ...context.info, name, subresource: 'status' },
  }
  await registry.update(inner, name, {
    dryRun: false,
    subresource: 'status',
    internal: true,
    transform: (current) => reserve(current as PodDisruptionBudget, pod, formatTime(clock.now())),
  })
}

/** A pod that is not ready protects nothing: whether it may go all the same is the budget's choice (KEP-3017). */
function mayGoUnready({ spec, status }: PodDisruptionBudget, pod: Pod): boolean {
  if (isPodReady(pod)) return false
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {}
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy
}

/** Evictions that no controller has confirmed yet. */
const DISRUPTED_PODS_MAX = 2000
const SYNCING_SECONDS = 10

function checkBudget({ metadata, status }: PodDisruptionBudget): void {
  const name = metadata?.name ?? ''
  if (status === undefined || (status.observedGeneration ?? 0) < (metadata?.generation ?? 0)) {
    throw refused(`The disruption budget ${name} is still being processed by the server.`, SYNCING_SECONDS)
  }
  const allowed = status.disruptionsAllowed ?? 0
  if (allowed < 0) throw forbidden(podDisruptionBudgets, name, 'pdb disruptions allowed is negative')
  if (Object.keys(status.disruptedPods ?? {}).length > DISRUPTED_PODS_MAX) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller'
    throw forbidden(podDisruptionBudgets, name, why)
  }
  if (allowed > 0) return
  const failed = status.conditions?.find(({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed')
  throw refused(
    failed?.status === 'False'
      ? `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failed.message}`
      : `The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
  )
}

function reserve(budget: PodDisruptionBudget, pod: Pod, now: string): PodDisruptionBudget {
  checkBudget(budget)
  const status = budget.status!
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: (status.disruptionsAllowed ?? 0) - 1,
      disruptedPods: { ...status.disruptedPods, [pod.metadata?.name ?? '']: now },
    },
  }
}

function refused(cause: string, retryAfterSeconds?: number): Error {
  return failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}
