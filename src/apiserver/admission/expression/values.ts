import { type Namespace, namespaces, type ResourceDefinition } from '#api'
import type { CheckAttributes, CheckDecision, Variables } from '#cel'
import type { UserInfo } from '#client'
import { authorizeBy, type Decision, fieldTermsOf, labelTermsOf, type ResourceAttributes } from '../../authorization/index.ts'
import { shownAs } from '../convert.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import { reviewOf } from '../webhook/review.ts'
import type { Cel } from './cel.ts'

/** The request's variables, most of them made when an expression first reads them. */
export async function requestValues(
  cel: Cel,
  attributes: Attributes,
  matched: ResourceDefinition,
  context: AdmissionContext,
): Promise<Variables> {
  const [object, oldObject] = await Promise.all([
    shownAs(matched, attributes, attributes.object),
    shownAs(matched, attributes, attributes.oldObject),
  ])
  const authorizer = new cel.Authorizer((asked) => decide(asked, attributes, context))
  const { namespace, subresource, name } = attributes
  const { group, names } = matched
  return {
    object: object ?? null,
    oldObject: oldObject ?? null,
    request: () => {
      const nothing = { object: undefined, oldObject: undefined }
      const { object: _, oldObject: __, uid: ___, ...request } = reviewOf(attributes, matched, nothing, '', 'v1').request
      // What a request leaves out is empty, not absent, to an expression.
      return { name: '', namespace: '', subResource: '', requestSubResource: '', ...request, options: request.options ?? {} }
    },
    namespaceObject: () =>
      namespace === '' ? null : ((context.cache.of(namespaces).get(namespace)?.object as Namespace | undefined) ?? null),
    authorizer: () => authorizer,
    'authorizer.requestResource': () =>
      authorizer.requestResource({ group, resource: names.plural, subresource, namespace, name }),
  }
}

function decide(
  { verb, serviceAccount, path, resource }: CheckAttributes,
  { user }: Attributes,
  { authorizers }: AdmissionContext,
): CheckDecision | Promise<CheckDecision> {
  const asking: UserInfo =
    serviceAccount === undefined
      ? user
      : {
          username: `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`,
          groups: ['system:serviceaccounts', `system:serviceaccounts:${serviceAccount.namespace}`, 'system:authenticated'],
        }
  const about = resource === undefined ? { isResource: false as const, path: path ?? '' } : attributesOf(resource)
  const answer = authorizeBy(authorizers, { user: asking, verb, ...about })
  return answer instanceof Promise ? answer.then(shownDecision) : shownDecision(answer)
}

const shownDecision = ({ decision, reason, error }: Decision): CheckDecision => ({
  allowed: decision === 'allow',
  reason,
  ...(error !== undefined && { error }),
})

function attributesOf(asked: NonNullable<CheckAttributes['resource']>): ResourceAttributes {
  const { fieldSelector, labelSelector, ...about } = asked
  return {
    isResource: true,
    version: '*',
    ...about,
    fieldSelector: fieldTermsOf(fieldSelector === undefined ? undefined : { rawSelector: fieldSelector }).terms,
    labelSelector: labelTermsOf(labelSelector === undefined ? undefined : { rawSelector: labelSelector }).terms,
  }
}
