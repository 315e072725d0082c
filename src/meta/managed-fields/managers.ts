import type { ManagedFieldsEntry } from '../types.ts'
import { compareText, jsonText } from './element.ts'
import { EMPTY_SET, type FieldSet, isEmptySet, readFieldSet, union } from './field-set.ts'

/** One writer's fields. Writers are told apart by name, operation and subresource; those that update also by version. */
export interface ManagedSet {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly fields: FieldSet
}

/** Entries of managers that update; the oldest beyond it are joined. */
const UPDATE_MANAGERS_MAX = 10
const ANCIENT = 'ancient-changes'

/** Entries as a server stored them. */
export function storedManaged(entries: readonly ManagedFieldsEntry[] | undefined): ManagedSet[] {
  return (entries ?? []).map(({ manager = '', operation = 'Update', apiVersion = '', subresource = '', time, fieldsV1 = {} }) => {
    return { manager, operation, apiVersion, subresource, time, fields: fieldsV1 as FieldSet }
  })
}

/** Entries as a client sent them. Undefined when one is not what a server would have written. */
export function readManaged(entries: readonly ManagedFieldsEntry[] | undefined): ManagedSet[] | undefined {
  const result: ManagedSet[] = []
  for (const { manager = '', operation, apiVersion, subresource = '', time, fieldsType, fieldsV1 } of entries ?? []) {
    const fields = readFieldSet(fieldsV1 ?? EMPTY_SET)
    if (fieldsType !== 'FieldsV1' || (operation !== 'Apply' && operation !== 'Update') || !apiVersion || fields === undefined)
      return undefined
    result.push({ manager, operation, apiVersion, subresource, time, fields })
  }
  return result
}

/** The entries in upstream's order: appliers first, then by time. Undefined when nobody manages anything. */
export function writeManaged(sets: readonly ManagedSet[]): ManagedFieldsEntry[] | undefined {
  const kept = sets.filter(({ fields }) => !isEmptySet(fields))
  if (kept.length === 0) return undefined
  return kept.toSorted(inOrder).map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
    ...(manager !== '' && { manager }),
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields as Record<string, unknown>,
    ...(subresource !== '' && { subresource }),
  }))
}

export const isSameManager = (a: Omit<ManagedSet, 'time' | 'fields'>, b: Omit<ManagedSet, 'time' | 'fields'>): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.subresource === b.subresource &&
  (a.operation === 'Apply' || a.apiVersion === b.apiVersion)

/** What upstream tells writers apart by, and sorts them by. */
export function identifierOf({ manager, operation, apiVersion, subresource }: ManagedSet): string {
  const version = operation === 'Apply' ? undefined : apiVersion
  return jsonFields({ manager, operation, apiVersion: version, subresource })
}

const jsonFields = (fields: Readonly<Record<string, string | undefined>>): string =>
  `{${Object.entries(fields)
    .filter(([, value]) => value)
    .map(([name, value]) => `"${name}":${jsonText(value)}`)
    .join(',')}}`

/** Joins the oldest updaters of each version, so that the list stays bounded whatever names come by. */
export function capManagers(sets: readonly ManagedSet[]): readonly ManagedSet[] {
  const updaters = sets.filter(({ operation }) => operation === 'Update')
  let excess = updaters.length - UPDATE_MANAGERS_MAX
  if (excess <= 0) return sets
  let result = sets
  const buckets = new Map(updaters.filter(({ manager }) => manager === ANCIENT).map((set) => [set.apiVersion, set]))
  for (const set of updaters.toSorted(inOrder)) {
    if (excess <= 0) break
    const bucket = buckets.get(set.apiVersion)
    if (bucket === undefined) buckets.set(set.apiVersion, set)
    if (bucket === undefined || set.manager === ANCIENT) continue
    const fields = union(bucket.fields, set.fields)
    const joined: ManagedSet = { ...bucket, manager: ANCIENT, subresource: '', time: set.time, fields }
    result = [...result.filter((each) => each !== set && each !== bucket), joined]
    buckets.set(set.apiVersion, joined)
    excess--
  }
  return result
}

function inOrder(a: ManagedSet, b: ManagedSet): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? '', b.time ?? '') ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  )
}
