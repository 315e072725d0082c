import { conform, parseGoDuration, parseYaml, type Schema, StructureError } from '#meta'
import type { FailurePolicy } from '../review/authorizer.ts'

/** What `--authorization-config` says, ready to be used (https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/). */
export interface AuthorizationConfiguration {
  readonly authorizers: readonly AuthorizerConfiguration[]
}

export type AuthorizerConfiguration =
  | { readonly type: 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny'; readonly name: string }
  | { readonly type: 'ABAC'; readonly name: string; readonly policyFile: string }
  | { readonly type: 'Webhook'; readonly name: string; readonly webhook: WebhookConfiguration }

export interface WebhookConfiguration {
  /** In milliseconds; 0: nothing is remembered. */
  readonly authorizedTtlMs: number
  readonly unauthorizedTtlMs: number
  readonly timeoutMs: number
  readonly subjectAccessReviewVersion: 'v1' | 'v1beta1'
  readonly failurePolicy: FailurePolicy
  /** A file; undefined: this cluster, by the service account of the pod that the server is in. */
  readonly kubeConfigFile: string | undefined
  readonly matchConditions: readonly { readonly expression: string }[]
}

const text: Schema = { type: 'string' }
const flag: Schema = { type: 'boolean' }
const several = (items: Schema): Schema => ({ type: 'array', items })
const struct = (properties: Readonly<Record<string, Schema>>, name: string): Schema => ({
  type: 'object',
  properties,
  name: `.${name}`,
})

const SCHEMA = struct(
  {
    apiVersion: text,
    kind: text,
    authorizers: several(
      struct(
        {
          type: text,
          name: text,
          webhook: struct(
            {
              authorizedTTL: text,
              cacheAuthorizedRequests: flag,
              unauthorizedTTL: text,
              cacheUnauthorizedRequests: flag,
              timeout: text,
              subjectAccessReviewVersion: text,
              matchConditionSubjectAccessReviewVersion: text,
              failurePolicy: text,
              connectionInfo: struct({ type: text, kubeConfigFile: text }, 'WebhookConnectionInfo'),
              matchConditions: several(struct({ expression: text }, 'WebhookMatchCondition')),
            },
            'WebhookConfiguration',
          ),
        },
        'AuthorizerConfiguration',
      ),
    ),
  },
  'AuthorizationConfiguration',
)

/** As the file has it. */
export interface RawAuthorizer {
  readonly type?: string
  readonly name?: string
  readonly webhook?: RawWebhook
}

export interface RawWebhook {
  readonly authorizedTTL?: string
  readonly cacheAuthorizedRequests?: boolean
  readonly unauthorizedTTL?: string
  readonly cacheUnauthorizedRequests?: boolean
  readonly timeout?: string
  readonly subjectAccessReviewVersion?: string
  readonly matchConditionSubjectAccessReviewVersion?: string
  readonly failurePolicy?: string
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string }
  readonly matchConditions?: readonly { readonly expression?: string }[]
}

const GROUP = 'apiserver.config.k8s.io'
const VERSIONS = ['v1', 'v1beta1', 'v1alpha1']

/** Reads the document, strictly. Throws a sentence when it is none; what it says is not judged here. */
export async function readAuthorizers(file: string): Promise<RawAuthorizer[]> {
  if (file.trim() === '') throw new Error('empty config data')
  const document = (await parseYaml(file)) as { readonly apiVersion?: unknown; readonly kind?: unknown } | null
  const { apiVersion, kind } = document ?? {}
  if (typeof kind !== 'string' || kind === '') throw new Error("Object 'Kind' is missing in the authorization configuration")
  const isKnown = kind === 'AuthorizationConfiguration' && VERSIONS.some((version) => apiVersion === `${GROUP}/${version}`)
  if (!isKnown)
    throw new Error(
      `expected AuthorizationConfiguration in ${GROUP}/v1, but got kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion ?? '')}`,
    )
  try {
    const { value, unknown } = conform(document, SCHEMA)
    if (unknown.length > 0)
      throw new Error(`strict decoding error: ${unknown.map((path) => `unknown field ${JSON.stringify(path)}`).join(', ')}`)
    return [...((value as { authorizers?: RawAuthorizer[] }).authorizers ?? [])]
  } catch (error) {
    if (error instanceof StructureError) throw new Error(`strict decoding error: ${error.message}`, { cause: error })
    throw error
  }
}

/** Defaults of what the file left out, once nothing is wrong with it. */
export function configured({ type = '', name = '', webhook = {} }: RawAuthorizer, policyFile = ''): AuthorizerConfiguration {
  if (type === 'ABAC') return { type, name, policyFile }
  if (type !== 'Webhook') return { type: type as 'Node', name: name || type.toLowerCase() }
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true } = webhook
  return {
    type,
    name,
    webhook: {
      authorizedTtlMs: cacheAuthorizedRequests ? parseGoDuration(webhook.authorizedTTL ?? '5m')! : 0,
      unauthorizedTtlMs: cacheUnauthorizedRequests ? parseGoDuration(webhook.unauthorizedTTL ?? '30s')! : 0,
      timeoutMs: parseGoDuration(webhook.timeout ?? '')!,
      subjectAccessReviewVersion: webhook.subjectAccessReviewVersion as 'v1',
      failurePolicy: webhook.failurePolicy as FailurePolicy,
      kubeConfigFile: webhook.connectionInfo?.kubeConfigFile,
      matchConditions: (webhook.matchConditions ?? []).map(({ expression = '' }) => ({ expression })),
    },
  }
}
