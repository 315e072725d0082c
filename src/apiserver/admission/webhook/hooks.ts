import {
  type MutatingWebhook,
  type MutatingWebhookConfiguration,
  mutatingWebhookConfigurations,
  type ResourceDefinition,
  validatingWebhookConfigurations,
} from '#api'
import type { WebhookTarget } from '../../webhook-caller.ts'
import type { AdmissionContext } from '../types.ts'
import type { CredentialsFor } from './credentials.ts'
import { hookOf } from './functions.ts'
import type { Hook } from './hook.ts'

const TIMEOUT_SECONDS = 10
/** A webhook that answers more is not believed. */
const ANSWER_BYTES_MAX = 3 * 1024 * 1024

/** The webhooks that are configured right now, in the order in which they are asked: by configuration's name, then as they stand there. */
class Hooks {
  readonly #context: AdmissionContext
  readonly #resource: ResourceDefinition
  readonly #own: readonly Hook[]
  readonly #credentials: CredentialsFor
  #hooks: readonly Hook[] | undefined

  constructor(context: AdmissionContext, resource: ResourceDefinition, own: readonly Hook[], credentials: CredentialsFor) {
    this.#context = context
    this.#credentials = credentials
    this.#resource = resource
    this.#own = own
    context.cache.of(resource).subscribe(() => {
      this.#hooks = undefined
    })
  }

  get all(): readonly Hook[] {
    this.#hooks ??= [
      ...this.#own,
      ...this.#context.cache
        .of(this.#resource)
        .list('')
        .flatMap(({ object }) => this.#remoteHooks(object as MutatingWebhookConfiguration)),
    ]
    return this.#hooks
  }

  #remoteHooks({ metadata, webhooks }: MutatingWebhookConfiguration): Hook[] {
    const configuration = metadata?.name ?? ''
    return (webhooks ?? []).map((webhook, index) => this.#remoteHook(webhook, configuration, index))
  }

  #remoteHook(webhook: MutatingWebhook, configuration: string, index: number): Hook {
    const { clientConfig, timeoutSeconds = TIMEOUT_SECONDS, admissionReviewVersions, ...rules } = webhook
    const target = clientConfig as WebhookTarget
    const options = { timeoutMs: timeoutSeconds * 1000, answerBytesMax: ANSWER_BYTES_MAX }
    return {
      ...rules,
      id: `${configuration}/${webhook.name}/${index}`,
      configuration,
      reviewVersions: admissionReviewVersions,
      call: (review) => this.#context.webhooks.post(target, review, { ...options, credentials: this.#credentials(target) }),
    }
  }
}

type HookType = 'mutating' | 'validating'

const RESOURCES: Readonly<Record<HookType, unknown>> = {
  mutating: mutatingWebhookConfigurations,
  validating: validatingWebhookConfigurations,
}

/** The hooks of one type, of each server: functions first, then those that are configured, which are shown `credentials`. */
export function hooksOf(type: HookType, credentials: CredentialsFor): (context: AdmissionContext) => readonly Hook[] {
  const known = new WeakMap<AdmissionContext, Hooks>()
  return (context) => {
    let hooks = known.get(context)
    if (hooks === undefined) {
      const own = context.functions.flatMap((each, index) =>
        (each.type ?? 'mutating') === type ? [hookOf(each, index, context.clock)] : [],
      )
      hooks = new Hooks(context, RESOURCES[type] as ResourceDefinition, own, credentials)
      known.set(context, hooks)
    }
    return hooks.all
  }
}
