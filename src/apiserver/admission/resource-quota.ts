import {
  type Amounts,
  addAmounts,
  exceeding,
  isInQuota,
  isNegativeAmount,
  maskAmounts,
  printAmounts,
  type QuotaEvaluator,
  quotaEvaluatorOf,
  type ResourceQuota,
  resourceQuotas,
  subtractAmounts,
  withoutZeros,
} from '#api'
import { failure, forbidden, isConflict, isNotFound } from '#meta'
import { type LimitedResource, parseLimitedResources, refuseUncovered } from './limited-resources.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

/** Writers that lose against others' changes of a quota this often are told to come back. */
const CONFLICTS_MAX = 16
/** Requests of one namespace that wait for its quotas. */
const WAITING_MAX = 10_000

interface Charge {
  readonly attributes: Attributes
  readonly evaluator: QuotaEvaluator
  readonly limited: readonly LimitedResource[]
  readonly settled: PromiseWithResolvers<void>
}

/**
 * Charges what a write will use to the namespace's quotas before it happens (https://kubernetes.io/docs/concepts/policy/resource-quotas/). Requests that
 * come while a charge is being written are charged together, in their order, by the next write of each quota, so that no two can use the same room.
 */
export const resourceQuota: AdmissionPlugin = {
  name: 'ResourceQuota',
  operations: ['CREATE', 'UPDATE'],
  async configured(bytes) {
    const limited = bytes === undefined ? [] : await parseLimitedResources(bytes)
    return { ...resourceQuota, validate: (attributes, context) => validate(attributes, context, limited) }
  },
}

async function validate(attributes: Attributes, context: AdmissionContext, limited: readonly LimitedResource[]): Promise<void> {
  const { resource, namespace } = attributes
  if (resource.scope !== 'Namespaced' || namespace === '') return
  const evaluator = quotaEvaluatorOf(resource)
  if (!isCharged(attributes, evaluator)) return
  await context.cache.current()
  if (limited.length === 0 && context.cache.of(resourceQuotas).list(namespace).length === 0) return
  await counterOf(context).charge({ attributes, evaluator, limited, settled: Promise.withResolvers<void>() })
}

function isCharged({ operation, subresource }: Attributes, evaluator: QuotaEvaluator): boolean {
  if (subresource !== '') return operation === 'UPDATE' && (evaluator.chargedSubresources?.includes(subresource) ?? false)
  return (evaluator.chargedOn as readonly string[]).includes(operation)
}

const counters = new WeakMap<AdmissionContext, Counter>()

function counterOf(context: AdmissionContext): Counter {
  let counter = counters.get(context)
  if (counter === undefined) counters.set(context, (counter = new Counter(context)))
  return counter
}

class Counter {
  readonly #context: AdmissionContext
  readonly #waiting = new Map<string, Charge[]>()

  constructor(context: AdmissionContext) {
    this.#context = context
  }

  async charge(charge: Charge): Promise<void> {
    const { namespace } = charge.attributes
    const queue = this.#waiting.get(namespace)
    if (queue === undefined) {
      this.#waiting.set(namespace, [charge])
      await this.#serve(namespace)
    } else {
      if (queue.length >= WAITING_MAX)
        throw failure(429, 'TooManyRequests', 'too many requests wait for the quotas of the namespace')
      queue.push(charge)
    }
    return charge.settled.promise
  }

  /** Charges in batches until nobody waits. */
  async #serve(namespace: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(namespace) ?? []
      if (batch.length === 0) break
      this.#waiting.set(namespace, [])
      try {
        await this.#settle(namespace, batch)
      } catch (error) {
        for (const { settled } of batch) settled.reject(error)
      }
    }
    this.#waiting.delete(namespace)
  }

  async #settle(namespace: string, batch: readonly Charge[]): Promise<void> {
    let open = batch
    // Quotas that hold the charges of `open` already, since an earlier round wrote them before another writer came first.
    const written = new Set<string>()
    for (let conflicts = 0; open.length > 0; conflicts++) {
      if (conflicts === CONFLICTS_MAX) {
        const names = this.#quotasOf(namespace).map(({ metadata }) => metadata?.name)
        throw failure(
          409,
          'Conflict',
          `Operation cannot be fulfilled on resourcequotas ${JSON.stringify(names.join(','))}: the quotas are being changed by others; please try again`,
        )
      }
      await this.#context.cache.current()
      const before = this.#quotasOf(namespace)
      const after = [...before]
      const granted: Charge[] = []
      for (const charge of open) {
        try {
          checkCharge(charge, after, written)
          granted.push(charge)
        } catch (error) {
          charge.settled.reject(error)
        }
      }
      if (!(await this.#write(before, after, written))) {
        open = granted
        continue
      }
      for (const { settled } of granted) settled.resolve()
      return
    }
  }

  #quotasOf(namespace: string): ResourceQuota[] {
    return this.#context.cache
      .of(resourceQuotas)
      .list(namespace)
      .map(({ object }) => object as ResourceQuota)
  }

  /** False when another writer was first; `written` says what was done before that. */
  async #write(before: readonly ResourceQuota[], after: readonly ResourceQuota[], written: Set<string>): Promise<boolean> {
    for (const [index, quota] of after.entries()) {
      if (quota === before[index]) continue
      try {
        await this.#context.client().updateStatus(resourceQuotas, quota)
        written.add(quota.metadata?.uid ?? '')
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) return false
        throw error
      }
    }
    return true
  }
}

/** Throws unless every quota has room; then puts the quotas with what they hold now into `quotas`. */
function checkCharge({ attributes, evaluator, limited }: Charge, quotas: ResourceQuota[], written: ReadonlySet<string>): void {
  const { resource, name, object, dryRun } = attributes
  const refuse = (why: string): never => {
    throw forbidden(resource, name, why)
  }
  const concerned: number[] = []
  const covering: ResourceQuota[] = []
  for (const [index, quota] of quotas.entries()) {
    const names = Object.keys(quota.status?.hard ?? {}).filter((each) => evaluator.counts(each))
    if (names.length === 0 || !isInQuota(quota, evaluator, object!)) continue
    covering.push(quota)
    if (written.has(quota.metadata?.uid ?? '')) continue
    const quotaName = quota.metadata?.name ?? ''
    const unspecified = evaluator.unspecified?.(object!, names)
    if (unspecified !== undefined) refuse(`failed quota: ${quotaName}: ${unspecified}`)
    if (names.some((each) => quota.status?.used?.[each] === undefined))
      refuse(`status unknown for quota: ${quotaName}, resources: ${[...names].sort().join(',')}`)
    concerned.push(index)
  }
  const delta = deltaOf(attributes, evaluator)
  if (Object.keys(delta).length === 0) return
  refuseUncovered(attributes, evaluator, limited, { all: quotas, covering })
  const charged = concerned.map((index) => ({ index, quota: charge(quotas[index]!, delta, refuse) }))
  if (!dryRun) for (const { index, quota } of charged) quotas[index] = quota
}

function deltaOf({ object, oldObject, resource, name }: Attributes, evaluator: QuotaEvaluator): Amounts {
  const usage = evaluator.usage(object!)
  const negative = Object.keys(usage).filter((each) => isNegativeAmount(usage[each]!))
  if (negative.length > 0)
    throw forbidden(resource, name, `quota usage is negative for resource(s): ${negative.sort().join(',')}`)
  return withoutZeros(oldObject === undefined ? usage : subtractAmounts(usage, evaluator.usage(oldObject)))
}

function charge(quota: ResourceQuota, delta: Amounts, refuse: (why: string) => never): ResourceQuota {
  const { hard = {}, used = {} } = quota.status ?? {}
  const requested = maskAmounts(delta, Object.keys(hard))
  const total = addAmounts(used, requested)
  // What gets less is never too much.
  const over = exceeding(maskAmounts(total, Object.keys(requested)), hard).filter((name) => !isNegativeAmount(requested[name]!))
  if (over.length > 0) {
    const [asked, was, limit] = [requested, used, hard].map((each) => printAmounts(maskAmounts(each, over)))
    refuse(`exceeded quota: ${quota.metadata?.name}, requested: ${asked}, used: ${was}, limited: ${limit}`)
  }
  return { ...quota, status: { ...quota.status, used: { ...total } } }
}
