import type { SubjectAccessReviewSpec } from '#api'
import type { AuthorizationAttributes } from '../types.ts'

/** What is asked, as a SubjectAccessReview asks it of another authorizer; empty fields are left out. */
export function specOf(attributes: AuthorizationAttributes): SubjectAccessReviewSpec {
  const { user, verb } = attributes
  const { username, groups, uid, extra } = user
  return {
    ...(attributes.isResource
      ? { resourceAttributes: resourceOf(attributes) }
      : { nonResourceAttributes: { path: attributes.path, verb } }),
    user: username,
    groups: [...groups],
    ...(uid && { uid }),
    ...(extra &&
      Object.keys(extra).length > 0 && { extra: Object.fromEntries(Object.entries(extra).map(([key, all]) => [key, [...all]])) }),
  }
}

function resourceOf(
  attributes: Extract<AuthorizationAttributes, { isResource: true }>,
): NonNullable<SubjectAccessReviewSpec['resourceAttributes']> {
  const { namespace, verb, group, version, resource, subresource, name, fieldSelector, labelSelector } = attributes
  const texts = Object.entries({ namespace, verb, group, version, resource, subresource, name }).filter(([, text]) => text !== '')
  return {
    ...Object.fromEntries(texts),
    ...(fieldSelector?.length && { fieldSelector: { requirements: fieldSelector.map(copied) } }),
    ...(labelSelector?.length && { labelSelector: { requirements: labelSelector.map(copied) } }),
  }
}

const copied = <T extends { readonly values: readonly string[] }>({
  values,
  ...term
}: T): Omit<T, 'values'> & { values: string[] } => ({
  ...term,
  values: [...values],
})
