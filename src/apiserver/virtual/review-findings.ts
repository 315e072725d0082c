import {
  type FieldSelectorAttributes,
  invalidValue,
  type LabelSelectorAttributes,
  localSubjectAccessReviews,
  type ResourceDefinition,
  required,
  type SubjectAccessReview,
  selfSubjectAccessReviews,
} from '#api'
import type { FieldError } from '#meta'

/** What is wrong with a review of access (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/). */
export function* findingsOf({ spec, metadata = {} }: SubjectAccessReview, resource: ResourceDefinition): Iterable<FieldError> {
  const { resourceAttributes, nonResourceAttributes, user = '', groups = [] } = spec
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const why = 'cannot be specified in combination with resourceAttributes'
    yield invalidValue('spec.nonResourceAttributes', nonResourceAttributes, why)
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    yield invalidValue('spec.resourceAttributes', null, why)
  }
  const isSelf = resource === (selfSubjectAccessReviews as unknown)
  if (!isSelf && user === '' && groups.length === 0)
    yield invalidValue('spec.user', user, 'at least one of user or group must be specified')
  yield* selectorFindings(resourceAttributes?.fieldSelector, 'spec.resourceAttributes.fieldSelector')
  yield* selectorFindings(resourceAttributes?.labelSelector, 'spec.resourceAttributes.labelSelector')
  const isLocal = resource === (localSubjectAccessReviews as unknown)
  const { namespace, managedFields: _, ...rest } = metadata
  if (Object.keys(isLocal ? rest : { ...rest, ...(namespace && { namespace }) }).length > 0)
    yield invalidValue('metadata', metadata, isLocal ? 'must be empty except for namespace' : 'must be empty')
  if (!isLocal) return
  if (resourceAttributes !== undefined && (resourceAttributes.namespace ?? '') !== (namespace ?? ''))
    yield invalidValue('spec.resourceAttributes.namespace', resourceAttributes.namespace ?? '', 'must match metadata.namespace')
  if (nonResourceAttributes !== undefined)
    yield invalidValue('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request')
}

/** Operators that are not known are no mistake: they may be a newer client's, and limit nothing. */
function* selectorFindings(
  selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined,
  path: string,
): Iterable<FieldError> {
  if (selector === undefined) return
  const { rawSelector = '', requirements = [] } = selector
  if (rawSelector !== '' && requirements.length > 0)
    yield invalidValue(`${path}.rawSelector`, rawSelector, 'may not specified at the same time as requirements')
  if (rawSelector === '' && requirements.length === 0)
    yield required(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`)
  for (const [index, { key, operator, values = [] }] of requirements.entries()) {
    const at = `${path}.requirements[${index}]`
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
      yield required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
      yield {
        field: `${at}.values`,
        reason: 'FieldValueForbidden',
        message: "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      }
    if (!key) yield required(`${at}.key`, 'must be specified')
  }
}
