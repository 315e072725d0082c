import { qualifiedName, type ResourceDefinition } from '#api'
import { badRequest, failure, internalError, type KubernetesObject, type Status, StatusError } from '#meta'
import { timed } from '../../latencies.ts'
import { shownAs } from '../convert.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import type { Hook } from './hook.ts'
import { reviewOf, type Verdict, verdictOf } from './review.ts'

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
  if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`)
  let verdict: Verdict
  let answered = false
  try {
    const shown = await shownTo(matched, attributes)
    const version = hook.reviewVersions.find((each) => each === 'v1' || each === 'v1beta1') ?? 'v1'
    const review = reviewOf(attributes, matched, shown, context.random.uuid(), version)
    const layer = mutating ? 'mutating-webhook' : 'validating-webhook'
    const answer = await timed(attributes.timekeeper, layer, () => hook.call(review))
    answered = true
    verdict = verdictOf(answer, review, mutating)
  } catch (error) {
    if (error instanceof StatusError) throw error
    const reason = `${answered ? 'received invalid webhook response' : 'failed to call webhook'}: ${error instanceof Error ? error.message : String(error)}`
    const failed = `failed calling webhook ${JSON.stringify(hook.name)}: ${reason}`
    if (hook.failurePolicy === 'Ignore') {
      context.log.warn('A webhook failed and is ignored', {
        webhook: hook.name,
        configuration: hook.configuration,
        error: reason,
      })
      return undefined
    }
    throw internalError(new Error(failed, { cause: error }))
  }
  attributes.warnings.push(...verdict.warnings)
  annotate(hook, verdict.auditAnnotations, attributes, context)
  if (!verdict.allowed) throw refusalOf(hook.name, verdict.status)
  return verdict
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
function refusalOf(name: string, status: Partial<Status> | undefined): Error {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`
  const { message, reason, details } = status ?? {}
  const said = message ? `${denied}: ${message}` : reason ? `${denied}: ${reason}` : `${denied} without explanation`
  const code = typeof status?.code === 'number' && status.code >= 400 ? status.code : 400
  return failure(code, (reason ?? '') as never, said, details)
}
