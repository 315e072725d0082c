import {
  type LocalSubjectAccessReview,
  localSubjectAccessReviews,
  type ResourceAttributes,
  type ResourceDefinition,
  type SelfSubjectRulesReview,
  type SubjectAccessReview,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from '#api'
import type { TransportResponse, UserInfo } from '#client'
import { badRequest, type FieldError, invalid, type KubernetesObject } from '#meta'
import {
  type AuthorizationAttributes,
  aggregated,
  authorizeBy,
  fieldTermsOf,
  labelTermsOf,
  rulesBy,
} from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { replyObject } from '../response.ts'
import { decodeOptionsOf } from '../rest/write-options.ts'
import type { HandlerDependencies } from '../subresources/types.ts'
import { findingsOf } from './review-findings.ts'
import type { VirtualResource } from './types.ts'

/** The kinds of review are the same but for whom they are about. */
type Review = SubjectAccessReview

/** May the caller do this? */
export const selfSubjectAccessReview: VirtualResource = {
  resource: selfSubjectAccessReviews as unknown as ResourceDefinition,
  handle: (context, dependencies) => review(context, dependencies, () => context.user),
}

/** May this user do this? */
export const subjectAccessReview: VirtualResource = {
  resource: subjectAccessReviews as unknown as ResourceDefinition,
  handle: (context, dependencies) => review(context, dependencies, namedUser),
}

/** May this user do this here? For whoever may ask about one namespace alone. */
export const localSubjectAccessReview: VirtualResource = {
  resource: localSubjectAccessReviews as unknown as ResourceDefinition,
  handle: (context, dependencies) => review(context, dependencies, namedUser),
}

/** Everything the caller may do in a namespace, as far as rules can say. */
export const selfSubjectRulesReview: VirtualResource = {
  resource: selfSubjectRulesReviews as unknown as ResourceDefinition,
  async handle(context, { authorizers }) {
    const body = (await readReview(context)) as unknown as SelfSubjectRulesReview
    const namespace = body.spec?.namespace
    if (!namespace) throw badRequest('no namespace on request')
    const { resourceRules, nonResourceRules, incomplete, errors } = rulesBy(authorizers, context.user, namespace)
    return replyObject(201, {
      ...body,
      status: {
        resourceRules: resourceRules.map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          apiGroups,
          resources,
          ...(resourceNames && { resourceNames }),
        })),
        nonResourceRules: nonResourceRules.map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
        incomplete,
        ...(errors.length > 0 && { evaluationError: aggregated(errors) }),
      },
    })
  },
}

async function review(
  context: RequestContext,
  { authorizers }: HandlerDependencies,
  userOf: (body: Review) => UserInfo,
): Promise<TransportResponse> {
  const body = (await readReview(context)) as Review
  const { resource, info } = context
  refuse(context, [...findingsOf(body, resource)])
  const isLocal = resource === (localSubjectAccessReviews as unknown)
  if (isLocal && info.namespace !== (body as LocalSubjectAccessReview).metadata?.namespace)
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${info.namespace}`)
  const { attributes, unread } = attributesOf(body, userOf(body))
  const { decision, reason, error } = await authorizeBy(authorizers, attributes)
  const errors = [...(error === undefined ? [] : [error]), ...unread]
  return replyObject(201, {
    ...body,
    status: {
      allowed: decision === 'allow',
      ...(decision === 'deny' && { denied: true }),
      ...(reason !== '' && { reason }),
      ...(errors.length > 0 && { evaluationError: aggregated(errors) }),
    },
  })
}

async function readReview(context: RequestContext): Promise<KubernetesObject> {
  const options = decodeOptionsOf(context)
  const read = readObject(await decodeBody(context.body, options), context.resource, options)
  const body = Object.hasOwn(read, 'spec') ? read : { ...read, spec: {} }
  const { namespace } = context.info
  if (context.resource.scope === 'Namespaced' && body.metadata?.namespace === undefined)
    return { ...body, metadata: { ...body.metadata, namespace } }
  return body
}

function refuse({ resource }: RequestContext, findings: readonly FieldError[]): void {
  if (findings.length > 0) throw invalid(resource, '', findings)
}

function namedUser({ spec }: Review): UserInfo {
  return {
    username: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid && { uid: spec.uid }),
    ...(spec.extra && { extra: spec.extra as Record<string, string[]> }),
  }
}

/** What is asked, and which of it could not be understood: a selector that is not understood limits nothing. */
function attributesOf(
  { spec }: Review,
  user: UserInfo,
): { readonly attributes: AuthorizationAttributes; readonly unread: readonly string[] } {
  const { resourceAttributes, nonResourceAttributes } = spec
  if (nonResourceAttributes !== undefined) {
    const { verb = '', path = '' } = nonResourceAttributes
    return { attributes: { user, verb, isResource: false, path }, unread: [] }
  }
  const asked = resourceAttributes as ResourceAttributes
  const { verb = '', group = '', version = '', resource = '', subresource = '', namespace = '', name = '' } = asked
  const fields = fieldTermsOf(asked.fieldSelector)
  const labels = labelTermsOf(asked.labelSelector)
  const selectors = { fieldSelector: fields.terms, labelSelector: labels.terms }
  return {
    attributes: { user, verb, isResource: true, group, version, resource, subresource, namespace, name, ...selectors },
    unread: Object.entries({ fieldSelector: fields, labelSelector: labels }).flatMap(([field, { partial, terms }]) =>
      partial ? [`spec.resourceAttributes.${field} ${terms === undefined ? '' : 'partially '}ignored due to parse error`] : [],
    ),
  }
}
