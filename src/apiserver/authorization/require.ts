import type { ResourceDefinition } from '#api'
import { type Answer, andThen } from '#base'
import { failure, forbidden, goQuote, internalError, StatusError } from '#meta'
import { unlikeMarkup } from '../markup.ts'
import { type AuthorizationAttributes, type Authorizer, authorizeBy, type Decision } from './types.ts'

/** No authorizer allowed it, and one of them failed. */
export class AuthorizerFailed extends StatusError {
  /** What was wrong. */
  readonly problem: string

  constructor(problem: string) {
    super(internalError(problem).status)
    this.problem = problem
  }
}

/**
 * Throws 403 in upstream's words unless an authorizer allows it, and {@link AuthorizerFailed}. Waits only where one of them has to. The decision is told to `record`, for the audit.
 */
export function requireAuthorization(
  authorizers: readonly Authorizer[],
  attributes: AuthorizationAttributes,
  resource: ResourceDefinition | undefined,
  record?: { decided(decision: Decision): void },
): Answer<void> {
  return andThen(authorizeBy(authorizers, attributes), (answer) => {
    record?.decided(answer)
    const { decision, reason, error } = answer
    if (decision === 'allow') return
    if (error !== undefined) throw new AuthorizerFailed(error)
    throw refusalOf(attributes, resource, reason)
  })
}

/** `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"`, 403. */
export function refusalOf(
  attributes: AuthorizationAttributes,
  definition: ResourceDefinition | undefined,
  reason: string,
): Error {
  const why = unlikeMarkup(sentenceOf(attributes)) + (reason === '' ? '' : `: ${reason}`)
  if (!attributes.isResource) return failure(403, 'Forbidden', `forbidden: ${why}`, {})
  const { group, resource, name } = attributes
  return forbidden(definition ?? { group, names: { plural: resource } }, name, why)
}

function sentenceOf(attributes: AuthorizationAttributes): string {
  const { user, verb } = attributes
  const who = `User ${goQuote(user.username)} cannot ${verb}`
  if (!attributes.isResource) return `${who} path ${goQuote(attributes.path)}`
  const { group, resource, subresource, namespace } = attributes
  const full = subresource === '' ? resource : `${resource}/${subresource}`
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`
  return `${who} resource ${goQuote(full)} in API group ${goQuote(group)} ${scope}`
}
