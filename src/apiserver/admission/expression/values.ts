import { type Namespace, namespaces, type ResourceDefinition } from '#api'
import type { CheckAttributes, CheckDecision, Variables } from '#cel'
import type { UserInfo } from '#client'
import { notFound } from '#meta'
import { authorizeBy, type Decision, fieldTermsOf, labelTermsOf, type ResourceAttributes } from '../../authorization/index.ts'
import { shownAs } from '../convert.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import { resourceName, reviewOf } from '../webhook/review.ts'
import type { Cel } from './cel.ts'

/** Fields of a namespace's metadata that expressions see. */
const NAMESPACE_METADATA = [
  'name',
  'generateName',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'finalizers',
] as const

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
  const { namespace, subresource, name, resource } = attributes
  const { group, names } = resource
  return {
    object: object ?? null,
    oldObject: oldObject ?? null,
    request: () => shownRequest(attributes, matched),
    namespaceObject: () => shownNamespace(namespaceOf(attributes, context)),
    authorizer: () => authorizer,
    'authorizer.requestResource': () =>
      authorizer.requestResource({ group, resource: names.plural, subresource, namespace, name }),
  }
}

/** What match conditions see: the resource that was asked for, and no namespace. */
export const conditionValues = (values: Variables, attributes: Attributes, matched: ResourceDefinition): Variables => ({
  ...values,
  request: () => ({ ...shownRequest(attributes, matched), resource: resourceName(attributes.resource) }),
  namespaceObject: null,
})

/** What audit annotations see: the namespace as it is, and nobody to ask what the author of the request may do. */
export const annotationValues = (values: Variables, attributes: Attributes, context: AdmissionContext): Variables => ({
  ...values,
  namespaceObject: () => withoutKind(namespaceOf(attributes, context)),
  authorizer: undefined,
  'authorizer.requestResource': undefined,
})

/** As Go prints a request that has neither object: what is empty is left out, but for these. */
function shownRequest(attributes: Attributes, matched: ResourceDefinition): Record<string, unknown> {
  const { request } = reviewOf(attributes, matched, { object: undefined, oldObject: undefined }, '', 'v1')
  return { ...request }
}

/** The namespace of a request; undefined where it has none, or is about one. Throws 404 where it is gone. */
export function namespaceOf({ kind, namespace }: Attributes, { cache }: AdmissionContext): Namespace | undefined {
  if (namespace === '' || (kind.kind === 'Namespace' && kind.version === 'v1' && kind.group === '')) return undefined
  const found = cache.of(namespaces).get(namespace)?.object as Namespace | undefined
  if (found === undefined) throw notFound(namespaces, namespace)
  return found
}

function shownNamespace(namespace: Namespace | undefined): unknown {
  if (namespace === undefined) return null
  const { metadata = {}, spec = {}, status = {} } = namespace
  const shown = NAMESPACE_METADATA.filter((field) => metadata[field] !== undefined).map((field) => [field, metadata[field]])
  return { metadata: Object.fromEntries(shown), spec, status }
}

function withoutKind(namespace: Namespace | undefined): unknown {
  if (namespace === undefined) return null
  const { apiVersion: _, kind: __, ...rest } = namespace
  return rest
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
