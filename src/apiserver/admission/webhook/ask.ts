import { qualifiedName, type ResourceDefinition } from '#api'
import { badRequest, failure, internalError, type KubernetesObject, type Status, StatusError } from '#meta'
import { timed } from '../../latencies.ts'
import { shownAs } from '../convert.ts'
import type { RejectionCause } from '../metrics.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import { CallError, type Hook } from './hook.ts'
import { reviewOf, type Verdict, verdictOf } from './review.ts'

/** What upstream counts a webhook as that could not be asked: there was no answer, so this is nobody's code. */
const UNAVAILABLE = 503

/**
 * Asks one webhook. Undefined: it could not be asked, and its failure policy is to ignore that. Throws a Status when it refused, or could not be asked
 * and that is a refusal.
 */
export async function ask(
  hook: Hook,
  matched: ResourceDefinition,
  attributes: Attributes,
  context: AdmissionContext,
  mutating: boolean,
): Promise<Verdict | undefined> {
  const { clock, metrics } = context
  const type = mutating ? 'admit' : 'validating'
  const startedAtMs = clock.monotonic()
  const count = (code: number, rejection?: RejectionCause): void =>
    metrics.webhooks.asked(hook.name, type, attributes.operation, { ms: clock.monotonic() - startedAtMs, code, rejection })
  let verdict: Verdict
  try {
    verdict = await verdictOn(hook, matched, attributes, context, mutating)
  } catch (error) {
    const isIgnored = error instanceof CallError && hook.failurePolicy === 'Ignore'
    if (error instanceof CallError) count(UNAVAILABLE, isIgnored ? undefined : 'calling_webhook_error')
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
  attributes.warnings.push(...verdict.warnings)
  annotate(hook, verdict.auditAnnotations, attributes, context)
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
  let answered = false
  try {
    const shown = await shownTo(matched, attributes)
    const version = hook.reviewVersions.find((each) => each === 'v1' || each === 'v1beta1') ?? 'v1'
    const review = reviewOf(attributes, matched, shown, context.random.uuid(), version)
    const layer = mutating ? 'mutating-webhook' : 'validating-webhook'
    const answer = await timed(attributes.timekeeper, layer, () => hook.call(review))
    answered = true
    return verdictOf(answer, review, mutating)
  } catch (error) {
    if (error instanceof StatusError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new CallError(`${answered ? 'received invalid webhook response' : 'failed to call webhook'}: ${reason}`, {
      cause: error,
    })
  }
}

/** What the webhook has to say goes under its own name; a key that is none, or that would stand under another's, is dropped. */
function annotate(
  { name }: Hook,
  given: Verdict['auditAnnotations'],
  { annotations }: Attributes,
  { log }: AdmissionContext,
): void {
  for (const [key, value] of Object.entries(given)) {
    const [problem] = key.includes('/') ? ['it holds a slash'] : qualifiedName(`${name}/${key}`)
    if (problem === undefined) annotations.set(`${name}/${key}`, value)
    else log.warn('An audit annotation of a webhook is no annotation', { webhook: name, key, problem })
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
