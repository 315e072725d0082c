import { compileSelector, type KubernetesObject, type LabelSelector, printSelector } from '#meta'
import type { Column } from './definition.ts'
import type { PodTemplateSpec } from './generated/types.ts'
import { describe } from './schemas.ts'

type Cell = string | number | boolean | undefined
type Value<T> = (object: T, nowMs: number) => Cell

/** A column of text, and what it is about: in words of its own, or those of a published field (`core.v1.PodStatus#podIP`). */
export const text = <T>(name: string, value: Value<T>, about?: string): Column<T> => column(name, 'string', 0, value, about)

/** A column of text that only `-o wide` shows. */
export const wide = <T>(name: string, value: Value<T>, about?: string): Column<T> => column(name, 'string', 1, value, about)

export const integer = <T>(name: string, value: Value<T>, about?: string): Column<T> => column(name, 'integer', 0, value, about)

export const boolean = <T>(name: string, value: Value<T>, about?: string): Column<T> => column(name, 'boolean', 0, value, about)

const column = <T>(name: string, type: Column<T>['type'], priority: number, value: Value<T>, about = ''): Column<T> => ({
  name,
  type,
  priority,
  description: () => {
    const [definition, field] = about.split('#')
    return field === undefined ? about : describe(`io.k8s.api.${definition}`, field)
  },
  value: (object, { nowMs }) => value(object, nowMs),
})

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'

/** The columns most kinds share. Their prose is read when a table is made. */
export const name: Column<KubernetesObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: () => describe(OBJECT_META, 'name'),
  value: ({ metadata }) => metadata?.name,
}

export const age: Column<KubernetesObject> = {
  name: 'Age',
  // Sent as ready-made text.
  type: 'string',
  description: () => describe(OBJECT_META, 'creationTimestamp'),
  value: ({ metadata }, { nowMs }) => ageOf(metadata?.creationTimestamp, nowMs),
}

/** The time itself, which kinds without an age of their own show. */
export const createdAt: Column<KubernetesObject> = {
  name: 'Created At',
  type: 'date',
  description: () => describe(OBJECT_META, 'creationTimestamp'),
  value: ({ metadata }) => metadata?.creationTimestamp,
}

/** What cells show where there is nothing. */
export const NONE = '<none>'

export const orNone = (value: string | undefined): string => value || NONE

/** `a=1,b=2`, sorted. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return orNone(pairs.sort().join(','))
}

const UNREADABLE = '<error>'

/** The selector in query syntax; one that can't be read says so. */
export function formatSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return NONE
  try {
    return orNone(printSelector(compileSelector(selector)))
  } catch {
    return UNREADABLE
  }
}

/** As {@link formatSelector}, but nothing is empty and what can't be read is invalid: so upstream shows it of Deployments. */
export function bareSelector(selector: LabelSelector | undefined): string {
  const shown = formatSelector(selector)
  return shown === NONE ? '' : shown === UNREADABLE ? '<invalid>' : shown
}

/** The first few of a list, and how many more there are. */
export function fewOf(items: readonly string[], shown: number): string {
  const rest = items.length - shown
  return rest > 0 ? `${items.slice(0, shown).join(',')} + ${rest} more...` : items.join(',')
}

/** The wide columns of what runs pods. */
export const templateColumns = <T>(templateOf: (object: T) => PodTemplateSpec | undefined): readonly Column<T>[] => [
  wide('Containers', (object) => containerNames(templateOf(object)), 'Names of each container in the template.'),
  wide('Images', (object) => imageNames(templateOf(object)), 'Images referenced by each container in the template.'),
]

export const containerNames = (template: PodTemplateSpec | undefined): string =>
  (template?.spec?.containers ?? []).map((container) => container.name).join(',')

export const imageNames = (template: PodTemplateSpec | undefined): string =>
  (template?.spec?.containers ?? []).map((container) => container.image ?? '').join(',')

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
}

/** `RWO,ROX`, in upstream's order, each once. */
export const accessModes = (modes: readonly string[] | undefined): string =>
  Object.keys(ACCESS_MODES)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => ACCESS_MODES[mode])
    .join(',')

/** Time since an RFC 3339 time as tables print it; `<unknown>` without one. */
export function ageOf(time: string | undefined, nowMs: number): string {
  return time === undefined ? '<unknown>' : humanDuration(nowMs - Date.parse(time))
}

/** Upstream's short form: two units at most, fewer the longer it lasts (`5s`, `2m30s`, `3h`, `4d5h`, `2y`). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (hours < 192) return pair(days, 'd', hours % 24, 'h')
  if (days < 730) return `${days}d`
  const years = Math.trunc(days / 365)
  return days < 2920 ? pair(years, 'y', days % 365, 'd') : `${years}y`
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
