import { LabelledHistograms, LabelledNumbers, type Stability } from '../prometheus.ts'
import type { Operation } from './types.ts'

/** Upstream's, in seconds. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5]
const WEBHOOK_BOUNDS = [...BOUNDS, 10, 25]
const CONDITION_BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25]
const POLICY_BOUNDS = [5e-7, 0.001, 0.01, 0.1, 1]
/** Greater codes of webhooks are all one. */
const CODE_MAX = 600

/** Of plugins, which change an object or judge it; upstream calls webhooks that judge by another word. */
export type Phase = 'admit' | 'validate'
export type WebhookType = 'admit' | 'validating'

const EACH = 'broken out for each operation and API resource and type (validate or admit).'
const CONDITION =
  'identified by name of resource containing the match condition and broken out for each kind containing matchConditions'

const histogram = (name: string, help: string, bounds: readonly number[], stability?: Stability): LabelledHistograms =>
  new LabelledHistograms(`apiserver_${name}`, help, bounds, stability)
const counter = (name: string, help: string, stability?: Stability): LabelledNumbers =>
  new LabelledNumbers(`apiserver_${name}`, 'counter', help, stability)

/** How long something took, by whether it refused. Resolved once, since it is observed with every write. */
export interface Duration {
  observe(ms: number, rejected: boolean): void
}

/** Upstream's metrics of admission. */
export class AdmissionMetrics {
  readonly #steps = histogram(
    'admission_step_admission_duration_seconds',
    'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).',
    BOUNDS,
    'STABLE',
  )
  readonly #controllers = histogram(
    'admission_controller_admission_duration_seconds',
    `Admission controller latency histogram in seconds, identified by name and ${EACH}`,
    BOUNDS,
    'STABLE',
  )
  readonly webhooks = new WebhookMetrics()
  readonly conditions = new ConditionMetrics()
  readonly validatingPolicies = new PolicyMetrics(
    'validating',
    'Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.',
    'Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.',
  )
  readonly mutatingPolicies = new PolicyMetrics(
    'mutating',
    'Mutation admission policy check total, labeled by policy and further identified by binding.',
    'Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.',
  )

  step(type: Phase, operation: Operation): Duration {
    return durationOf(this.#steps, { operation, type })
  }

  controller(name: string, type: Phase, operation: Operation): Duration {
    return durationOf(this.#controllers, { name, operation, type })
  }

  text(): string {
    const { webhooks, conditions, validatingPolicies, mutatingPolicies } = this
    return [this.#steps, this.#controllers, webhooks, conditions, validatingPolicies, mutatingPolicies]
      .map((each) => each.text())
      .join('')
  }
}

function durationOf(family: LabelledHistograms, labels: Readonly<Record<string, string>>): Duration {
  const [accepted, refused] = ['false', 'true'].map((rejected) => family.of({ ...labels, rejected }))
  return { observe: (ms, rejected) => (rejected ? refused! : accepted!).observe(ms / 1000) }
}

/** How a webhook was not asked well, or `no_error` where it refused. */
export type RejectionCause = 'apiserver_internal_error' | 'calling_webhook_error' | 'no_error'

export interface WebhookOutcome {
  readonly ms: number
  readonly code: number
  /** Why the request was refused; undefined: it was not. */
  readonly rejection?: RejectionCause | undefined
}

class WebhookMetrics {
  readonly #durations = histogram(
    'admission_webhook_admission_duration_seconds',
    `Admission webhook latency histogram in seconds, identified by name and ${EACH}`,
    WEBHOOK_BOUNDS,
    'STABLE',
  )
  readonly #requests = counter(
    'admission_webhook_request_total',
    'Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.',
  )
  readonly #rejections = counter(
    'admission_webhook_rejection_count',
    'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.',
  )
  readonly #openings = counter(
    'admission_webhook_fail_open_count',
    'Admission webhook fail open count, identified by name and broken out for each admission type (validating or mutating).',
  )

  asked(name: string, type: WebhookType, operation: Operation, { ms, code, rejection }: WebhookOutcome): void {
    const shown = String(Math.min(code, CODE_MAX))
    const rejected = String(rejection !== undefined)
    this.#durations.observe({ name, operation, rejected, type }, ms / 1000)
    this.#requests.add({ code: shown, name, operation, rejected, type })
    if (rejection !== undefined) this.#rejections.add({ error_type: rejection, name, operation, rejection_code: shown, type })
  }

  /** It could not be asked, and that was ignored. */
  failedOpen(name: string, type: WebhookType): void {
    this.#openings.add({ name, type })
  }

  text(): string {
    return [this.#durations, this.#rejections, this.#openings, this.#requests].map((each) => each.text()).join('')
  }
}

export interface ConditionLabels {
  readonly kind: 'policy' | 'webhook'
  readonly name: string
  readonly type: Phase | WebhookType
  readonly operation: Operation
}

/** As they are printed. */
const inOrder = ({ kind, name, operation, type }: ConditionLabels): Record<string, string> => ({ kind, name, operation, type })

/** Of match conditions, of webhooks and policies. */
class ConditionMetrics {
  readonly #errors = counter(
    'admission_match_condition_evaluation_errors_total',
    `Admission match condition evaluation errors count, ${CONDITION} (webhook or policy), operation and admission type (validate or admit).`,
  )
  readonly #exclusions = counter(
    'admission_match_condition_exclusions_total',
    `Admission match condition evaluation exclusions count, ${CONDITION} (webhook or policy), operation and admission type (validate or admit).`,
  )
  readonly #seconds = histogram(
    'admission_match_condition_evaluation_seconds',
    'Admission match condition evaluation time in seconds, identified by name and broken out for each kind containing matchConditions (webhook or policy), operation and type (validate or admit).',
    CONDITION_BOUNDS,
  )

  /** One of them could not be evaluated. */
  failed(labels: ConditionLabels): void {
    this.#errors.add(inOrder(labels))
  }

  /** A webhook was not asked, since they do not all hold. */
  excluded(labels: ConditionLabels): void {
    this.#exclusions.add(inOrder(labels))
  }

  /** Told, as upstream does, unless all of them hold. */
  took(labels: ConditionLabels, ms: number): void {
    this.#seconds.observe(inOrder(labels), ms / 1000)
  }

  text(): string {
    return [this.#errors, this.#exclusions, this.#seconds].map((each) => each.text()).join('')
  }
}

export type PolicyErrorType = 'compile_error' | 'invalid_error' | 'no_error' | 'out_of_budget'
export type EnforcementAction = 'allow' | 'audit' | 'deny' | 'warn'

interface PolicyCheck {
  readonly policy: string
  readonly binding: string
  readonly ms: number
  readonly errorType: PolicyErrorType
}

/** Of the checks of admission policies. */
class PolicyMetrics {
  readonly #checks: LabelledNumbers
  readonly #durations: LabelledHistograms

  /** The sentences tell what the labels are. */
  constructor(kind: 'mutating' | 'validating', total: string, duration: string) {
    const stability = kind === 'validating' ? 'BETA' : 'ALPHA'
    this.#checks = counter(`${kind}_admission_policy_check_total`, total, stability)
    this.#durations = histogram(`${kind}_admission_policy_check_duration_seconds`, duration, POLICY_BOUNDS, stability)
  }

  checked({ policy, binding, ms, errorType }: PolicyCheck, action?: EnforcementAction): void {
    const labels = {
      ...(action !== undefined && { enforcement_action: action }),
      error_type: errorType,
      policy,
      policy_binding: binding,
    }
    this.#checks.add(labels)
    this.#durations.observe(labels, ms / 1000)
  }

  text(): string {
    return `${this.#durations.text()}${this.#checks.text()}`
  }
}

/** Upstream's word for what is wrong, by how it is told. */
export const errorTypeOf = (message: string): PolicyErrorType =>
  message.startsWith('compilation')
    ? 'compile_error'
    : message.startsWith('validation failed due to running out of cost budget')
      ? 'out_of_budget'
      : 'invalid_error'
