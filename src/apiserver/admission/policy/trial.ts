import { allResources, configMaps, namespaces, type ResourceDefinition } from '#api'
import { deepClone, nullLog, seededRandom, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { apiVersionOf, type GroupVersionKind, type KubernetesObject, objectKey, type Status, StatusError } from '#meta'
import type { Authorizer } from '../../authorization/index.ts'
import { ResourceCatalog } from '../../catalog.ts'
import type { WatchCache } from '../../watch-cache/watch-cache.ts'
import type { WebhookCaller } from '../../webhook-caller.ts'
import { AdmissionChain } from '../chain.ts'
import { AdmissionMetrics } from '../metrics.ts'
import type { AdmissionContext, Attributes, Operation } from '../types.ts'
import { mutatingAdmissionWebhook, validatingAdmissionWebhook } from '../webhook/index.ts'
import { mutatingAdmissionPolicy, validatingAdmissionPolicy } from './index.ts'

/** Policies with their bindings, and one request: a trial of them without a server, for tests. */
export interface PolicyCase {
  readonly validating?: readonly Bound[]
  readonly mutating?: readonly Bound[]
  readonly webhooks?: {
    readonly mutating?: readonly KubernetesObject[]
    readonly validating?: readonly KubernetesObject[]
    /** Of the plugins' part of the AdmissionConfiguration. */
    readonly configuration?: string
  }
  readonly namespaces: readonly KubernetesObject[]
  /** Objects that bindings may name. */
  readonly params: readonly KubernetesObject[]
  /** Questions that the authorizer says yes to. */
  readonly allowed: readonly string[]
  readonly request: PolicyRequest
}

export interface Bound {
  readonly policy: KubernetesObject
  readonly bindings: readonly KubernetesObject[]
}

export interface PolicyRequest {
  readonly operation: Operation
  readonly kind: GroupVersionKind
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string }
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly object?: KubernetesObject
  readonly oldObject?: KubernetesObject
  readonly options?: Record<string, unknown>
  readonly dryRun: boolean
  readonly user: UserInfo
}

export interface PolicyAnswer {
  readonly status?: Status
  readonly error?: string
  readonly object?: KubernetesObject
  readonly warnings?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly metrics?: readonly string[]
}

const limits = (kind: string, scope: 'Cluster' | 'Namespaced'): ResourceDefinition =>
  ({
    ...configMaps,
    group: 'rules.example.com',
    version: 'v1',
    kind,
    scope,
    custom: {},
    names: { plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase() },
  }) as unknown as ResourceDefinition

const catalog = new ResourceCatalog([
  ...allResources,
  limits('ClusterLimit', 'Cluster'),
  limits('NamespacedLimit', 'Namespaced'),
] as unknown as ResourceDefinition[])

/** What both plugins make of it. */
export async function judgePolicies(asked: PolicyCase, caller?: (cache: WatchCache) => WebhookCaller): Promise<PolicyAnswer> {
  const metrics = new AdmissionMetrics()
  const context = contextOf(asked, metrics, caller)
  const attributes = attributesOf(asked.request)
  const configuration = asked.webhooks?.configuration
  const bytes = configuration === undefined ? undefined : Buffer.from(configuration)
  let failure: unknown
  try {
    const webhooks = []
    for (const each of [mutatingAdmissionWebhook, validatingAdmissionWebhook])
      webhooks.push(await each.configured!(bytes, context as never))
    const chain = new AdmissionChain([mutatingAdmissionPolicy, validatingAdmissionPolicy, ...webhooks], context)
    await chain.mutate(attributes)
    await chain.validate(attributes)
  } catch (error) {
    failure = error
  }
  const { object, warnings, annotations } = attributes
  return {
    ...(failure === undefined
      ? object && { object }
      : failure instanceof StatusError
        ? { status: failure.status }
        : { error: String(failure) }),
    ...(warnings.length > 0 && { warnings }),
    ...(annotations.size > 0 && { annotations: Object.fromEntries(annotations) }),
    ...(counted(metrics.text()).length > 0 && { metrics: counted(metrics.text()) }),
  }
}

function attributesOf({ object, resource, user, options = {}, ...request }: PolicyRequest): Attributes {
  return {
    oldObject: undefined,
    ...request,
    options,
    object: object && deepClone(object),
    resource: catalog.find(resource.group, resource.version, resource.resource)!,
    user,
    warnings: [],
    annotations: new Map(),
    timekeeper: undefined,
    reinvocation: { again: false, wanted: false },
  }
}

function contextOf(
  { validating = [], mutating = [], webhooks = {}, namespaces: known, params, allowed }: PolicyCase,
  metrics: AdmissionMetrics,
  caller: ((cache: WatchCache) => WebhookCaller) | undefined,
): AdmissionContext {
  const bound = [...validating, ...mutating]
  const stored = [
    ...bound.flatMap(({ policy, bindings }) => [policy, ...bindings]),
    ...known,
    ...params,
    ...(webhooks.mutating ?? []),
    ...(webhooks.validating ?? []),
  ]
  const cache = {
    of(resource: ResourceDefinition) {
      const versions = stored
        .filter(({ apiVersion, kind }) => apiVersion === apiVersionOf(resource) && kind === resource.kind)
        .map((object) => ({ object }))
      const keyOf = ({ object: { metadata } }: { object: KubernetesObject }): string =>
        objectKey(resource === (namespaces as unknown) ? undefined : metadata?.namespace, metadata?.name ?? '')
      return {
        subscribe: () => ({ [Symbol.dispose]() {} }),
        list: (namespace: string) =>
          versions.filter(({ object }) => namespace === '' || object.metadata?.namespace === namespace),
        get: (key: string) => versions.find((each) => keyOf(each) === key),
      }
    },
  }
  const partial = {
    cache,
    catalog,
    authorizers: [authorizerOf(allowed)],
    clock: new VirtualClock(),
    random: seededRandom(1),
    log: nullLog,
    functions: [],
    webhooks: caller?.(cache as unknown as WatchCache),
    metrics,
  }
  return partial as unknown as AdmissionContext
}

const authorizerOf = (allowed: readonly string[]): Authorizer => ({
  name: 'scripted',
  authorize({ user, verb, ...asked }) {
    const about = asked.isResource
      ? [asked.group, asked.resource, asked.subresource, asked.namespace, asked.name, '']
      : ['', '', '', '', '', asked.path]
    const question = [user.username, verb, ...about].join(',')
    if (allowed.includes(question)) return { decision: 'allow', reason: 'it is allowed' }
    if (verb === 'fail') return { decision: 'no-opinion', reason: '', error: 'nobody knows' }
    return { decision: 'no-opinion', reason: `not ${question}` }
  },
})

/** Counters and how often times were taken, without the times; of policies and their conditions. */
function counted(text: string): string[] {
  const said: string[] = []
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value = ''] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
    if (!/admission_policy|match_condition|_webhook_/.test(name) || /_(bucket|sum)$/.test(name)) continue
    const sorted = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => `${key}=${of}`).sort()
    said.push(`${name.replace(/_seconds_count$/, '_seconds')}{${sorted.join(',')}} ${value}`)
  }
  return said.sort()
}
