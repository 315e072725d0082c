import {
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
import { badRequest, failure } from '#meta'
import { type AuthorizationAttributes, authorizeBy } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { replyObject } from '../response.ts'
import { decodeOptionsOf } from '../rest/write-options.ts'
import type { HandlerDependencies } from '../subresources/types.ts'
import type { VirtualResource } from './types.ts'

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

export const localSubjectAccessReview: VirtualResource = {
  resource: localSubjectAccessReviews as unknown as ResourceDefinition,
  handle: (context, dependencies) =>
    review(context, dependencies, (body) => {
      if (body.spec.resourceAttributes?.namespace !== context.info.namespace) {
        throw badRequest('spec.resourceAttributes.namespace must match metadata.namespace')
      }
      return namedUser(body)
    }),
}

/** Everything the caller may do in a namespace, as far as rules can say. */
export const selfSubjectRulesReview: VirtualResource = {
  resource: selfSubjectRulesReviews as unknown as ResourceDefinition,
  async handle(context, { rbac }) {
    const body = (await readReview(context)) as unknown as SelfSubjectRulesReview
    const namespace = body.spec?.namespace
    if (!namespace) throw badRequest('no namespace on request')
    const rules = rbac
      .grantsOf(context.user)
      .filter((grant) => grant.namespace === '' || grant.namespace === namespace)
      .flatMap((grant) => grant.rules)
    const all = context.user.groups.includes('system:masters')
    return replyObject(201, {
      ...body,
      status: {
        incomplete: false,
        resourceRules: [
          ...(all ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : []),
          ...rules
            .filter(({ resources }) => resources?.length)
            .map(({ verbs, apiGroups, resources, resourceNames }) => ({
              verbs,
              apiGroups,
              resources,
              ...(resourceNames && { resourceNames }),
            })),
        ],
        nonResourceRules: [
          ...(all ? [{ verbs: ['*'], nonResourceURLs: ['*'] }] : []),
          ...rules
            .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
            .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
        ],
      },
    })
  },
}

async function review(
  context: RequestContext,
  { authorizers }: HandlerDependencies,
  userOf: (body: Review) => UserInfo,
): Promise<TransportResponse> {
  const body = await readReview(context)
  const { decision, reason } = authorizeBy(authorizers, attributesOf(body, userOf(body), context))
  return replyObject(201, {
    ...body,
    status: { allowed: decision === 'allow', ...(decision === 'deny' && { denied: true }), ...(reason !== '' && { reason }) },
  })
}

async function readReview(context: RequestContext): Promise<Review> {
  const options = decodeOptionsOf(context)
  const { value, duplicates } = await decodeBody(context.body, options)
  return readObject(value, duplicates, context.resource, options) as Review
}

function namedUser({ spec }: Review): UserInfo {
  if (!spec.user && !spec.groups?.length) throw invalidReview('at least one of user or group must be specified')
  return {
    username: spec.user ?? '',
    groups: spec.groups ?? [],
    ...(spec.uid && { uid: spec.uid }),
    ...(spec.extra && { extra: spec.extra as Record<string, string[]> }),
  }
}

function attributesOf({ spec }: Review, user: UserInfo, _context: RequestContext): AuthorizationAttributes {
  const { resourceAttributes, nonResourceAttributes } = spec
  if ((resourceAttributes === undefined) === (nonResourceAttributes === undefined)) {
    throw invalidReview('exactly one of nonResourceAttributes or resourceAttributes must be specified')
  }
  if (nonResourceAttributes !== undefined) {
    return { user, verb: nonResourceAttributes.verb ?? '', isResource: false, path: nonResourceAttributes.path ?? '' }
  }
  const { verb, group, version, resource, subresource, namespace, name } = resourceAttributes as ResourceAttributes
  return {
    user,
    verb: verb ?? '',
    isResource: true,
    group: group ?? '',
    version: version ?? '',
    resource: resource ?? '',
    subresource: subresource ?? '',
    namespace: namespace ?? '',
    name: name ?? '',
  }
}

const invalidReview = (detail: string): Error =>
  failure(422, 'Invalid', `SubjectAccessReview.authorization.k8s.io "" is invalid: spec: Invalid value: ${detail}`, {
    group: 'authorization.k8s.io',
    kind: 'SubjectAccessReview',
    causes: [{ reason: 'FieldValueInvalid', message: detail, field: 'spec' }],
  })
