import type { Clock, FeatureGates, Log, Random } from '#base'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { AuthorizationMetrics } from './metrics.ts'
import { nodeAuthorizer } from './node/authorizer.ts'
import { RbacAuthorizer } from './rbac/authorizer.ts'
import type { Authorizer } from './types.ts'
import { type AuthorizationOptions, AuthorizerUnion } from './union.ts'

export type { AuthorizationConfiguration, AuthorizerConfiguration, WebhookConfiguration } from './configuration/configuration.ts'
export { type AuthorizationSource, authorizationFile, parseAuthorizationConfiguration } from './configuration/file.ts'
export type { AuthorizationMetrics } from './metrics.ts'
export { nodeRules, nodeRulesOf } from './node/rules.ts'
export { RbacAuthorizer } from './rbac/authorizer.ts'
export { uncovered } from './rbac/cover.ts'
export { refuseEscalation } from './rbac/escalation.ts'
export { AuthorizerFailed, refusalOf, requireAuthorization } from './require.ts'
export type { ReviewStatus } from './review/authorizer.ts'
export type { AuthorizationHandler, AuthorizerFunction } from './review/functions.ts'
export { fieldTermsOf, labelTermsOf, selectorsOf } from './selectors.ts'
export * from './types.ts'
export type { AuthorizationOptions } from './union.ts'

export interface Access extends AsyncDisposable {
  /** Authorizers in the order in which they are asked. */
  readonly all: readonly Authorizer[]
  /** Answers questions about roles and bindings, whether or not it is asked about requests. */
  readonly rbac: RbacAuthorizer
  readonly metrics: AuthorizationMetrics
}

/** Rejects with what is wrong with the configuration. */
export async function openAuthorizers(
  options: AuthorizationOptions,
  dependencies: {
    readonly cache: WatchCache
    readonly features: FeatureGates
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
  },
): Promise<Access> {
  const { cache, features } = dependencies
  const rbac = new RbacAuthorizer(cache)
  const metrics = new AuthorizationMetrics()
  const union = await AuthorizerUnion.open(options, { ...dependencies, rbac, metrics, node: nodeAuthorizer(cache, features) })
  return { all: [union], rbac, metrics, [Symbol.asyncDispose]: () => union[Symbol.asyncDispose]() }
}
