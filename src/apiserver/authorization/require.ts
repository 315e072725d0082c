import type { ResourceDefinition } from '#api'
import { type Answer, andThen } from '#base'
import { failure, forbidden } from '#meta'
import { type AuthorizationAttributes, type Authorizer, authorizeBy, type Decision } from './types.ts'

/**
 * Throws 403 in upstream's words unless an authorizer allows it. Waits only where one of them has to. The decision is told to `record`, for the audit.
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
    if (error !== undefined) throw failure(500, 'InternalError', `Internal error occurred: ${error}`, undefined)
    throw refusal(attributes, resource, reason)
  })
}

/** `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"`. */
function refusal(attributes: AuthorizationAttributes, definition: ResourceDefinition | undefined, reason: string): Error {
  const { user, verb } = attributes
  const why = reason === '' ? '' : `: ${reason}`
  const who = `User ${JSON.stringify(user.username)} cannot ${verb}`
  if (!attributes.isResource) {
    return failure(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(attributes.path)}${why}`, {})
  }
  const { group, resource, subresource, namespace, name } = attributes
  const full = subresource === '' ? resource : `${resource}/${subresource}`
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`
  const names = definition ?? { group, names: { plural: resource } }
  return forbidden(names, name, `${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${scope}${why}`)
}
