import { asJson, forbid, invalidValue, unsupported } from '#api'
import { badRequest, type FieldError, failure, goQuote, invalid } from '#meta'
import type { Revision } from '#store'
import type { RequestContext } from '../context.ts'
import { booleanOf, isTrue, wholeNumberOf } from './query-values.ts'
import { type Selection, selectionOf, selectorsOf } from './selection.ts'

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

/** In upstream's order: 400 for what can't be read, 422 for combinations that have no meaning, 400 for fields that nothing is selected by. */
export function listOptionsOf(
  { query, resource, info }: Pick<RequestContext, 'query' | 'resource' | 'info'>,
  verb: 'list' | 'watch',
): { readonly options: ListOptions; readonly selection: Selection } {
  // Of two numbers that can't be read the first of upstream's type is told of.
  const options = {
    resourceVersion: query.get('resourceVersion') ?? '',
    match: query.get('resourceVersionMatch') ?? '',
    timeoutSeconds: Math.max(0, wholeNumberOf(query, 'timeoutSeconds') ?? 0),
    limit: Math.max(0, wholeNumberOf(query, 'limit') ?? 0),
    continue: query.get('continue') ?? '',
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
  }
  const selectors = selectorsOf(query)
  const problems = [...(verb === 'list' ? problemsOfList(options) : problemsOfWatch(options))]
  if (problems.length > 0) throw invalid(LIST_OPTIONS, '', problems)
  const selection = selectionOf(resource, selectors, info.kind === 'resource' ? info.name : '')
  return { options: options as ListOptions, selection }
}

type Raw = Omit<ListOptions, 'match'> & { readonly match: string }

function* problemsOfList({ match, resourceVersion, continue: token, sendInitialEvents }: Raw): Iterable<FieldError> {
  if (match !== '') {
    if (resourceVersion === '') yield forbid(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided')
    if (token !== '') yield forbid(MATCH, 'resourceVersionMatch is forbidden when continue is provided')
    if (match !== 'Exact' && match !== 'NotOlderThan') yield notSupported(match, ['Exact', 'NotOlderThan', ''])
    if (match === 'Exact' && resourceVersion === '0') {
      yield forbid(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    }
  }
  if (sendInitialEvents !== undefined) yield forbid('sendInitialEvents', 'sendInitialEvents is forbidden for list')
}

function* problemsOfWatch({ match, resourceVersion, continue: token, sendInitialEvents }: Raw): Iterable<FieldError> {
  // One that names no state begins with what is there, as if it had asked for that.
  const isDefaulted = match === '' && sendInitialEvents === undefined && (resourceVersion === '' || resourceVersion === '0')
  if (isDefaulted && token !== '') yield forbid(MATCH, 'resourceVersionMatch is forbidden when continue is provided')
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    yield forbid(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  }
  if (match === '') return
  if (sendInitialEvents === undefined) {
    yield forbid(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  }
  if (match !== 'NotOlderThan') yield notSupported(match, ['NotOlderThan'])
  if (token !== '') yield forbid(MATCH, 'resourceVersionMatch is forbidden when continue is provided')
}

const MATCH = 'resourceVersionMatch'

const notSupported = (match: string, supported: readonly string[]): FieldError => unsupported(MATCH, asJson(match), supported)

const UINT64_MAX = 2n ** 64n - 1n

/** What is wrong with a revision, as upstream says it; undefined when it is one. */
export function revisionProblem(text: string): FieldError | undefined {
  const why = /^\d+$/.test(text) ? (BigInt(text) > UINT64_MAX ? 'value out of range' : undefined) : 'invalid syntax'
  if (why === undefined) return undefined
  return invalidValue('resourceVersion', text, `strconv.ParseUint: parsing ${goQuote(text)}: ${why}`)
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
