import type { ResourceDefinition } from '#api'
import { badRequest, failure, internalError, type KubernetesObject, type Status, type StatusError } from '#meta'
import { timed } from '../../latencies.ts'
import { WebhookStatusError } from '../../webhook-answer.ts'
import { annotate } from '../attributes.ts'
import { shownAs } from '../convert.ts'
import type { RejectionCause } from '../metrics.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import { CallError, type Hook, UNAVAILABLE } from './hook.ts'
import { type AnsweredReview, readReview, reviewOf, type Verdict, verdictOf } from './review.ts'

/**
 * Asks one webhook; a mutating one with what is to be made of a verdict that allows. Undefined: it could not be asked, and its failure policy is to ignore that. Throws a Status when it refused, or could not be asked
 * and that is a refusal.
 */
export async function ask(
  hook: Hook,
  matched: ResourceDefinition,
  attributes: Attributes,
  context: AdmissionContext,
  use?: (verdict: Verdict) => Promise<void>,
): Promise<Verdict | undefined> {
  const mutating = use !== undefined
  const { clock, metrics } = context
  const type = mutating ? 'admit' : 'validating'
  const startedAtMs = clock.monotonic()
  const count = (code: number, rejection?: RejectionCause): void =>
    metrics.webhooks.asked(hook.name, type, attributes.operation, { ms: clock.monotonic() - startedAtMs, code, rejection })
  let verdict: Verdict
  try {
    verdict = await verdictOn(hook, matched, attributes, context, mutating)
    attributes.warnings.push(...verdict.warnings)
    annotateFor(hook, verdict.auditAnnotations, attributes, context)
    if (verdict.allowed) await use?.(verdict)
  } catch (error) {
    const isIgnored = error instanceof CallError && hook.failurePolicy === 'Ignore'
    if (error instanceof CallError) count(error.code, isIgnored ? undefined : 'calling_webhook_error')
    else count(0, 'apiserver_internal_error')
    if (!(error instanceof CallError)) throw error
    if (!isIgnored)
      throw internalError(new Error(`failed calling webhook ${JSON.stringify(hook.name)}: ${error.message}`, { cause: error }))
    context.log.warn('A webhook failed and is ignored', {
      webhook: hook.name,
      configuration: hook.configuration,
      error: error.message,
    })
    metrics.webhooks.failedOpen(hook.name, type)
    return undefined
  }
  if (!verdict.allowed) {
    const refusal = refusalOf(hook.name, verdict.status)
    count(refusal.code, 'no_error')
    throw refusal
  }
  count(200)
  return verdict
}

/** Throws a `CallError` when it could not be asked or answered nonsense, and a Status when it must not be asked. */
async function verdictOn(
  hook: Hook,
  matched: ResourceDefinition,
  attributes: Attributes,
  context: AdmissionContext,
  mutating: boolean,
): Promise<Verdict> {
  if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`)
  const version = hook.reviewVersions.find((each) => each === 'v1' || each === 'v1beta1')
  if (version === undefined)
    throw new CallError(
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
      { code: 400 },
    )
  const review = reviewOf(attributes, matched, await shownTo(matched, attributes), context.random.uuid(), version)
  const layer = mutating ? 'mutating-webhook' : 'validating-webhook'
  let answer: AnsweredReview
  try {
    answer = readReview(await timed(attributes.timekeeper, layer, () => hook.call(review)), review)
  } catch (error) {
    const code = error instanceof WebhookStatusError ? error.code : UNAVAILABLE
    throw new CallError(`failed to call webhook: ${told(error)}`, { cause: error, code })
  }
  try {
    return verdictOf(answer, review, mutating)
  } catch (error) {
    throw new CallError(`received invalid webhook response: ${told(error)}`, { cause: error })
  }
}

const told = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What the webhook has to say goes under its own name; a key that is none, or that would stand under another's, is dropped. */
function annotateFor(
  { name }: Hook,
  given: Verdict['auditAnnotations'],
  attributes: Attributes,
  { log }: AdmissionContext,
): void {
  for (const [key, value] of Object.entries(given)) {
    const problem = annotate(attributes, `${name}/${key}`, value)
    if (problem !== undefined) log.warn('An audit annotation of a webhook is no annotation', { webhook: name, key, problem })
  }
}

interface Shown {
  readonly object: KubernetesObject | undefined
  readonly oldObject: KubernetesObject | undefined
}

async function shownTo(matched: ResourceDefinition, attributes: Attributes): Promise<Shown> {
  const [object, oldObject] = await Promise.all([
    shownAs(matched, attributes, attributes.object),
    shownAs(matched, attributes, attributes.oldObject),
  ])
  return { object, oldObject }
}

/** The webhook's own status, made into a failure and told by whom. */
function refusalOf(name: string, status: Partial<Status> | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`
  const { message, reason, details } = status ?? {}
  const said = message ? `${denied}: ${message}` : reason ? `${denied}: ${reason}` : `${denied} without explanation`
  const code = typeof status?.code === 'number' && status.code >= 400 ? status.code : 400
  return failure(code, (reason ?? '') as never, said, details)
}
