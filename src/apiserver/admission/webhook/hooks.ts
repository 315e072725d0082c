import {
  type MutatingWebhook,
  type MutatingWebhookConfiguration,
  mutatingWebhookConfigurations,
  type ResourceDefinition,
  validatingWebhookConfigurations,
} from '#api'
import type { WebhookTarget } from '../../webhook-caller.ts'
import type { AdmissionContext } from '../types.ts'
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
  #hooks: readonly Hook[] | undefined

  constructor(context: AdmissionContext, resource: ResourceDefinition, own: readonly Hook[]) {
    this.#context = context
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
        .flatMap(({ object }) => remoteHooks(object as MutatingWebhookConfiguration, this.#context)),
    ]
    return this.#hooks
  }
}

const known = new WeakMap<AdmissionContext, { readonly mutating: Hooks; readonly validating: Hooks }>()

export function hooksOf(context: AdmissionContext): { readonly mutating: Hooks; readonly validating: Hooks } {
  let hooks = known.get(context)
  if (hooks === undefined) {
    const own = (type: 'mutating' | 'validating'): Hook[] =>
      context.functions.flatMap((each, index) => ((each.type ?? 'mutating') === type ? [hookOf(each, index, context.clock)] : []))
    const make = (resource: unknown, type: 'mutating' | 'validating'): Hooks =>
      new Hooks(context, resource as ResourceDefinition, own(type))
    hooks = {
      mutating: make(mutatingWebhookConfigurations, 'mutating'),
      validating: make(validatingWebhookConfigurations, 'validating'),
    }
    known.set(context, hooks)
  }
  return hooks
}

function remoteHooks({ metadata, webhooks }: MutatingWebhookConfiguration, context: AdmissionContext): Hook[] {
  const configuration = metadata?.name ?? ''
  return (webhooks ?? []).map((webhook, index) => remoteHook(webhook, configuration, index, context))
}

function remoteHook(webhook: MutatingWebhook, configuration: string, index: number, context: AdmissionContext): Hook {
  const { clientConfig, timeoutSeconds = TIMEOUT_SECONDS, admissionReviewVersions, ...rules } = webhook
  const timeoutMs = timeoutSeconds * 1000
  return {
    ...rules,
    id: `${configuration}/${webhook.name}/${index}`,
    configuration,
    reviewVersions: admissionReviewVersions,
    call: (review) => context.webhooks.post(clientConfig as WebhookTarget, review, timeoutMs, ANSWER_BYTES_MAX),
  }
}
