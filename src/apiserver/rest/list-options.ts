import { badRequest, type FieldError, failure, invalid } from '#meta'
import type { Revision } from '#store'
import { booleanOf, isTrue, wholeNumberOf } from './query-values.ts'

/** What a list or watch may ask (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions), parsed and checked. */
export interface ListOptions {
  /** 0: no limit. */
  readonly limit: number
  readonly continue: string
  /** '' when none was named. */
  readonly resourceVersion: string
  readonly match: '' | 'Exact' | 'NotOlderThan'
  readonly sendInitialEvents: boolean | undefined
  readonly allowWatchBookmarks: boolean
  /** 0: none named. */
  readonly timeoutSeconds: number
}

const LIST_OPTIONS = { group: 'meta.k8s.io', kind: 'ListOptions' }

/** 400 for what can't be read, 422 for combinations that have no meaning. */
export function listOptionsOf(query: URLSearchParams, verb: 'list' | 'watch'): ListOptions {
  const options = {
    limit: Math.max(0, wholeNumberOf(query, 'limit') ?? 0),
    continue: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    match: query.get('resourceVersionMatch') ?? '',
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeoutSeconds: Math.max(0, wholeNumberOf(query, 'timeoutSeconds') ?? 0),
  }
  const problems = [...(verb === 'list' ? problemsOfList(options) : problemsOfWatch(options))]
  if (problems.length > 0) throw invalid(LIST_OPTIONS, '', problems)
  return options as ListOptions
}

type Raw = Omit<ListOptions, 'match'> & { readonly match: string }

function* problemsOfList({ match, resourceVersion, continue: token, sendInitialEvents }: Raw): Iterable<FieldError> {
  if (match !== '') {
    if (resourceVersion === '') yield forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided')
    if (token !== '') yield forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided')
    if (match !== 'Exact' && match !== 'NotOlderThan') yield notSupported(match, ['Exact', 'NotOlderThan', ''])
    if (match === 'Exact' && resourceVersion === '0') {
      yield forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    }
  }
  if (sendInitialEvents !== undefined) yield forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list')
}

function* problemsOfWatch({ match, resourceVersion, continue: token, sendInitialEvents }: Raw): Iterable<FieldError> {
  // One that names no state begins with what is there, as if it had asked for that.
  const isDefaulted = match === '' && sendInitialEvents === undefined && (resourceVersion === '' || resourceVersion === '0')
  if (isDefaulted && token !== '') yield forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided')
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    yield forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  }
  if (match === '') return
  if (sendInitialEvents === undefined) {
    yield forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  }
  if (match !== 'NotOlderThan') yield notSupported(match, ['NotOlderThan'])
  if (token !== '') yield forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided')
}

const MATCH = 'resourceVersionMatch'

const forbidden = (field: string, why: string): FieldError => ({
  field,
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${why}`,
})

const notSupported = (value: string, supported: readonly string[]): FieldError => ({
  field: MATCH,
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((each) => JSON.stringify(each)).join(', ')}`,
})

const UINT64_MAX = 2n ** 64n - 1n

/** What is wrong with a revision, as upstream says it; undefined when it is one. */
export function revisionProblem(text: string): FieldError | undefined {
  const why = /^\d+$/.test(text) ? (BigInt(text) > UINT64_MAX ? 'value out of range' : undefined) : 'invalid syntax'
  if (why === undefined) return undefined
  const quoted = JSON.stringify(text)
  return {
    field: 'resourceVersion',
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`,
  }
}

/** A revision that a list or get names; 400 when it is none. */
export function parseRevision(text: string): Revision {
  const problem = revisionProblem(text)
  if (problem !== undefined) throw badRequest(`invalid resource version: ${problem.field}: ${problem.message}`)
  return Number(text)
}

export const tooLarge = (requested: Revision, current: Revision): ReturnType<typeof failure> =>
  failure(504, 'Timeout', `Timeout: Too large resource version: ${requested}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
