import {
  type Container,
  type LimitRange,
  type LimitRangeItem,
  limitRanges,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaims,
  podLimits,
  podRequests,
  pods,
} from '#api'
import { canonicalQuantity, forbidden, parseQuantity } from '#meta'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

type Amounts = Readonly<Record<string, string>>

const ANNOTATION = 'kubernetes.io/limit-ranger'

/** Gives containers the namespace's defaults, and keeps what is asked for within its bounds (https://kubernetes.io/docs/concepts/policy/limit-range/). */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  operations: ['CREATE', 'UPDATE'],
  async mutate(attributes, context) {
    if (!isLimited(attributes) || attributes.resource !== (pods as unknown)) return
    for (const { spec } of await rangesOf(attributes, context)) setDefaults(attributes.object as Pod, spec?.limits ?? [])
  },
  async validate(attributes, context) {
    if (!isLimited(attributes)) return
    const { resource, object, name } = attributes
    for (const { spec } of await rangesOf(attributes, context)) {
      const limits = spec?.limits ?? []
      const problems =
        resource === (pods as unknown)
          ? [...podProblems(object as Pod, limits)]
          : [...claimProblems(object as PersistentVolumeClaim, limits)]
      if (problems.length > 0) throw forbidden(resource, name, problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`)
    }
  },
}

/** Pods when they are made or resized, claims whenever they change; nothing that is on its way out. */
function isLimited({ resource, subresource, operation, oldObject }: Attributes): boolean {
  if (oldObject?.metadata?.deletionTimestamp !== undefined) return false
  if (resource === (persistentVolumeClaims as unknown)) return subresource === ''
  return resource === (pods as unknown) && subresource === (operation === 'CREATE' ? '' : 'resize')
}

async function rangesOf({ namespace }: Attributes, { cache }: AdmissionContext): Promise<LimitRange[]> {
  await cache.current()
  return cache
    .of(limitRanges)
    .list(namespace)
    .map(({ object }) => object as LimitRange)
}

function setDefaults(pod: Pod, items: readonly LimitRangeItem[]): void {
  const requests: Record<string, string> = {}
  const limits: Record<string, string> = {}
  for (const item of items) {
    if (item.type !== 'Container') continue
    Object.assign(requests, item.defaultRequest)
    Object.assign(limits, item.default)
  }
  const set = [
    ...(pod.spec?.containers ?? []).flatMap((each) => setContainerDefaults(each, 'container', requests, limits)),
    ...(pod.spec?.initContainers ?? []).flatMap((each) => setContainerDefaults(each, 'init container', requests, limits)),
  ]
  if (set.length === 0) return
  pod.metadata = {
    ...pod.metadata,
    annotations: { ...pod.metadata?.annotations, [ANNOTATION]: `LimitRanger plugin set: ${set.join('; ')}` },
  }
}

function setContainerDefaults(container: Container, what: string, requests: Amounts, limits: Amounts): string[] {
  const said: string[] = []
  for (const [key, defaults] of [
    ['requests', requests],
    ['limits', limits],
  ] as const) {
    const own = container.resources?.[key] ?? {}
    const missing = Object.keys(defaults)
      .filter((name) => own[name] === undefined)
      .sort()
    if (missing.length === 0) continue
    const added = Object.fromEntries(missing.map((name) => [name, defaults[name]!]))
    container.resources = { ...container.resources, [key]: { ...own, ...added } }
    said.push(`${missing.join(', ')} ${key.slice(0, -1)} for ${what} ${container.name}`)
  }
  return said
}

function* podProblems(pod: Pod, items: readonly LimitRangeItem[]): Iterable<string> {
  for (const item of items) {
    if (item.type === 'Container') {
      for (const { resources } of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])])
        yield* outOfBounds(item, resources?.requests ?? {}, resources?.limits ?? {})
    } else if (item.type === 'Pod') {
      // What a runtime class adds is not the user's choice.
      const { overhead: _, ...spec } = pod.spec!
      const own = { ...pod, spec }
      yield* outOfBounds(item, podRequests(own), podLimits(own))
    }
  }
}

function* claimProblems({ spec }: PersistentVolumeClaim, items: readonly LimitRangeItem[]): Iterable<string> {
  const requests = spec?.resources?.requests ?? {}
  for (const item of items) {
    if (item.type !== 'PersistentVolumeClaim') continue
    for (const [name, bound] of sorted(item.min)) yield* below(item.type, name, bound, requests, {})
    for (const [name, bound] of sorted(item.max)) {
      const words = `maximum ${name} usage per ${item.type} is ${print(bound)}`
      if (requests[name] === undefined) yield `${words}.  No request is specified`
      else if (exceeds(requests[name], bound)) yield `${words}, but request is ${print(requests[name])}`
    }
  }
}

function* outOfBounds(item: LimitRangeItem, requests: Amounts, limits: Amounts): Iterable<string> {
  for (const [name, bound] of sorted(item.min)) yield* below(item.type, name, bound, requests, limits)
  for (const [name, bound] of sorted(item.max)) {
    const words = `maximum ${name} usage per ${item.type} is ${print(bound)}`
    if (limits[name] === undefined) yield `${words}.  No limit is specified`
    else if (exceeds(limits[name], bound)) yield `${words}, but limit is ${print(limits[name])}`
    else if (requests[name] !== undefined && exceeds(requests[name], bound))
      yield `${words}, but request is ${print(requests[name])}`
  }
  for (const [name, bound] of sorted(item.maxLimitRequestRatio)) yield* unbalanced(item.type, name, bound, requests, limits)
}

function* below(type: string, name: string, bound: string, requests: Amounts, limits: Amounts): Iterable<string> {
  const words = `minimum ${name} usage per ${type} is ${print(bound)}`
  if (requests[name] === undefined) yield `${words}.  No request is specified`
  else if (exceeds(bound, requests[name])) yield `${words}, but request is ${print(requests[name])}`
  else if (limits[name] !== undefined && exceeds(bound, limits[name])) yield `${words}, but limit is ${print(limits[name])}`
}

function* unbalanced(type: string, name: string, bound: string, requests: Amounts, limits: Amounts): Iterable<string> {
  const words = `${name} max limit to request ratio per ${type} is ${print(bound)}`
  const [request, limit] = [nanosOf(requests[name]), nanosOf(limits[name])]
  if (request === 0n) yield `${words}, but no request is specified or request is 0`
  else if (limit === 0n) yield `${words}, but no limit is specified or limit is 0`
  else {
    const ratio = Number(limit) / Number(request)
    if (ratio > Number(nanosOf(bound)) / 1e9) yield `${words}, but provided ratio is ${ratio.toFixed(6)}`
  }
}

const sorted = (amounts: Amounts | undefined): [string, string][] =>
  Object.entries(amounts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))

const print = canonicalQuantity
const nanosOf = (text: string | undefined): bigint => (text === undefined ? 0n : parseQuantity(text).nanos)
const exceeds = (a: string, b: string): boolean => nanosOf(a) > nanosOf(b)
