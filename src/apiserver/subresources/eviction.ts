import { type Eviction, type Pod, type PodDisruptionBudget, podDisruptionBudgets, schemaOf } from '#api'
import { failure, notFound, selects, success } from '#meta'
import type { RequestContext } from '../context.ts'
import { decodeBody, readAs } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import { replyJson } from '../response.ts'
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
    const options = decodeOptionsOf(context)
    const { value, duplicates } = await decodeBody(context.body, options)
    const body = readAs(
      value,
      duplicates,
      schemaOf('io.k8s.api.policy.v1.Eviction'),
      { kind: 'Eviction', version: 'v1' },
      options,
    ) as Eviction
    const pod = (await registry.get(resource, info.namespace, info.name)).object as Pod
    if (body.metadata?.name && body.metadata.name !== info.name) throw notFound(resource, body.metadata.name)
    const wishes = body.deleteOptions
    const dryRun = isDryRun(context) || (wishes?.dryRun?.includes('All') ?? false)
    if (countsForBudget(pod) && !dryRun) await takeFromBudget(context, pod, dependencies)
    await registry.delete(context, info.name, {
      dryRun,
      gracePeriodSeconds: wishes?.gracePeriodSeconds,
      propagationPolicy: wishes?.propagationPolicy,
      preconditions: wishes?.preconditions,
    })
    return replyJson(201, success())
  },
}

/** A pod that is over, or has not begun, disturbs nobody. */
const countsForBudget = ({ status, metadata }: Pod): boolean =>
  !['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '') && metadata?.deletionTimestamp === undefined

async function takeFromBudget(context: RequestContext, pod: Pod, { registry, clock }: HandlerDependencies): Promise<void> {
  const namespace = pod.metadata?.namespace ?? ''
  const budgets = registry.cache
    .of(podDisruptionBudgets)
    .list(namespace)
    .map(({ object }) => object as PodDisruptionBudget)
    .filter(({ spec }) => selects(spec?.selector, pod.metadata?.labels))
  if (budgets.length === 0) return
  if (budgets.length > 1) {
    throw failure(
      500,
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    )
  }
  const name = budgets[0]!.metadata?.name ?? ''
  const inner: RequestContext = {
    ...context,
    resource: podDisruptionBudgets as never,
    info: { ...context.info, name, subresource: 'status' },
  }
  await registry.update(inner, name, {
    dryRun: false,
    subresource: 'status',
    internal: true,
    transform: (current) => reserve(current as PodDisruptionBudget, pod, new Date(clock.now()).toISOString().slice(0, 19)),
  })
}

function reserve(budget: PodDisruptionBudget, pod: Pod, now: string): PodDisruptionBudget {
  const status = budget.status
  const name = budget.metadata?.name ?? ''
  if (status === undefined || (status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) {
    throw refused(`The disruption budget ${name} is still being processed by the server.`, 10)
  }
  const allowed = status.disruptionsAllowed ?? 0
  if (allowed <= 0) {
    throw refused(
      `The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`,
    )
  }
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...status.disruptedPods, [pod.metadata?.name ?? '']: `${now}Z` },
    },
  }
}

function refused(cause: string, retryAfterSeconds?: number): Error {
  return failure(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}
