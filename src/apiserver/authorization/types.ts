import { type Answer, andThen } from '#base'
import type { UserInfo } from '#client'
import type { FieldTerm, LabelTerm } from './selectors.ts'

/** What a request would do, for whoever decides whether it may (SubjectAccessReview's attributes). */
export type AuthorizationAttributes = {
  readonly user: UserInfo
  readonly verb: string
} & (ResourceAttributes | { readonly isResource: false; readonly path: string })

export interface ResourceAttributes {
  readonly isResource: true
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** To what a list, watch or deletecollection limits itself, as far as it could be read; absent: nothing is left out. */
  readonly fieldSelector?: readonly FieldTerm[] | undefined
  readonly labelSelector?: readonly LabelTerm[] | undefined
}

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'no-opinion'
  readonly reason: string
  /** What kept an authorizer from an opinion. */
  readonly error?: string
}

/** What is known of what a user may do in a namespace, for SelfSubjectRulesReview. */
export interface KnownRules {
  readonly resourceRules: readonly {
    readonly verbs: readonly string[]
    readonly apiGroups?: readonly string[]
    readonly resources?: readonly string[]
    readonly resourceNames?: readonly string[]
  }[]
  readonly nonResourceRules: readonly { readonly verbs: readonly string[]; readonly nonResourceURLs?: readonly string[] }[]
  /** Not all can be told. */
  readonly incomplete: boolean
  readonly errors: readonly string[]
}

export interface Authorizer {
  readonly name: string
  authorize(attributes: AuthorizationAttributes): Answer<Decision>
  /** Absent: it never grants anything that a rule could say. */
  rulesFor?(user: UserInfo, namespace: string): KnownRules
}

export const allow = (reason = ''): Decision => ({ decision: 'allow', reason })
export const noOpinion = (reason = ''): Decision => ({ decision: 'no-opinion', reason })

/** The first authorizer with an opinion decides; none means no. */
export const authorizeBy = (authorizers: readonly Authorizer[], attributes: AuthorizationAttributes): Answer<Decision> =>
  askFrom(0, authorizers, attributes, [], [])

/** Asks the authorizer at `index`, and those behind it as long as none has an opinion. */
function askFrom(
  index: number,
  authorizers: readonly Authorizer[],
  attributes: AuthorizationAttributes,
  reasons: string[],
  errors: string[],
): Answer<Decision> {
  const authorizer = authorizers[index]
  if (authorizer === undefined) return undecided(reasons, errors)
  return andThen(authorizer.authorize(attributes), (answer) => {
    if (answer.decision !== 'no-opinion') return answer
    note(answer, reasons, errors)
    return askFrom(index + 1, authorizers, attributes, reasons, errors)
  })
}

function note({ reason, error }: Decision, reasons: string[], errors: string[]): void {
  if (reason !== '') reasons.push(reason)
  if (error !== undefined) errors.push(error)
}

const undecided = (reasons: readonly string[], errors: readonly string[]): Decision => ({
  decision: 'no-opinion',
  reason: reasons.join('\n'),
  ...(errors.length > 0 && { error: aggregated(errors) }),
})

/** What all of them together can tell of a user's rules. */
export function rulesBy(authorizers: readonly Authorizer[], user: UserInfo, namespace: string): KnownRules {
  const known = authorizers.flatMap((authorizer) => authorizer.rulesFor?.(user, namespace) ?? [])
  return {
    resourceRules: known.flatMap(({ resourceRules }) => resourceRules),
    nonResourceRules: known.flatMap(({ nonResourceRules }) => nonResourceRules),
    incomplete: known.some(({ incomplete }) => incomplete),
    errors: known.flatMap(({ errors }) => errors),
  }
}

/** Several errors as one sentence, as upstream's aggregates print: each once. */
export function aggregated(errors: readonly string[]): string {
  const distinct = [...new Set(errors)]
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`
}
