import { deepEqual } from '#base'
import type { Schema } from '../schema.ts'
import { failure } from '../status.ts'
import type { KubernetesObject, ManagedFieldsEntry } from '../types.ts'
import { type Comparison, compare, isSame } from './compare.ts'
import {
  difference,
  EMPTY_SET,
  equalSets,
  type FieldSet,
  intersection,
  isEmptySet,
  members,
  union,
  withoutBelow,
} from './field-set.ts'
import { fieldsOf } from './fields-of.ts'
import { fieldsToTakeOver, withLastApplied } from './last-applied.ts'
import { capManagers, isSameManager, type ManagedSet, readManaged, storedManaged, writeManaged } from './managers.ts'
import { mergeConfiguration, pruneUnowned } from './merge.ts'
import { setFields } from './set-fields.ts'
import { printPath } from './shape.ts'

/** The form of one kind in one version. */
export interface VersionForm {
  readonly schema: Schema
  /** The object in this version. */
  of(object: KubernetesObject): KubernetesObject
}

/** A write as ownership sees it. */
export interface ManagedWrite {
  readonly manager: string
  /** The version that the request speaks. */
  readonly apiVersion: string
  readonly subresource: string
  /** Versions of the kind; undefined for one that is not served, whose owners are forgotten. */
  readonly form: (apiVersion: string) => VersionForm | undefined
  /** Fields that this write can't change, whatever it says (`status` beside its subresource). */
  readonly resetFields: FieldSet
  /** RFC 3339, whole seconds. */
  readonly time: string
}

/** Paths that nobody owns: what identifies the object and what the server alone writes. */
const NEVER_OWNED: FieldSet = {
  'f:apiVersion': {},
  'f:kind': {},
  'f:metadata': {
    '.': {},
    'f:name': {},
    'f:namespace': {},
    'f:creationTimestamp': {},
    'f:selfLink': {},
    'f:uid': {},
    'f:clusterName': {},
    'f:generation': {},
    'f:managedFields': {},
    'f:resourceVersion': {},
  },
}

/**
 * `metadata.managedFields` after an update of `before` to `after` (undefined `before`: a create): who changed a field owns it, and nobody else any longer.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
export function managedByUpdate(
  before: KubernetesObject | undefined,
  after: KubernetesObject,
  write: ManagedWrite,
): ManagedFieldsEntry[] | undefined {
  const managed = sentOrKept(before, after, write.subresource)
  // An object that was never tracked stays so until somebody applies to it.
  if (before !== undefined && managed.length === 0) return undefined
  if (before === undefined && managed.length === 0) return createdBy(after, write)
  return writeManaged(capManagers(updated(managed, before ?? {}, after, write)))
}

/** Whoever creates an object owns what it sets. */
function createdBy(object: KubernetesObject, write: ManagedWrite): ManagedFieldsEntry[] | undefined {
  const { manager, apiVersion, subresource, time, resetFields } = write
  const form = write.form(apiVersion)!
  const set = setFields(object.metadata === undefined ? object : form.of(object), form.schema)
  const fields = difference(withoutBelow(set, resetFields), NEVER_OWNED)
  return writeManaged([{ manager, operation: 'Update', apiVersion, subresource, time, fields }])
}

export interface ApplyWrite extends ManagedWrite {
  readonly force: boolean
  /** Names the configuration in errors. */
  readonly what: string
  /** Reads the merged document, which speaks the request's version, as an object in its stored form. */
  readonly read: (merged: unknown) => KubernetesObject
}

export interface Applied {
  readonly object: KubernetesObject
  readonly managedFields: ManagedFieldsEntry[] | undefined
}

/**
 * Server-side apply: the live object (undefined: there is none) with the configuration merged in, without what this manager listed before and lists no more.
 * Throws 409 when the configuration changes fields of other managers, unless `force`.
 */
export function applyConfiguration(
  live: KubernetesObject | undefined,
  configuration: KubernetesObject,
  write: ApplyWrite,
): Applied {
  const form = write.form(write.apiVersion)!
  const shown: KubernetesObject = live === undefined ? {} : form.of(live)
  let managed = storedManaged(live?.metadata?.managedFields)
  if (live !== undefined && managed.length === 0) {
    managed = updated([], {}, live, { ...write, manager: 'before-first-apply', subresource: '', resetFields: EMPTY_SET })
  }
  const former = managed
  const identity = {
    manager: write.manager,
    operation: 'Apply',
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  } as const
  const listed = fieldsOf(configuration, form.schema, write.what)
  const set = withoutBelow(listed, write.resetFields)
  const last = managed.find((each) => isSameManager(each, identity))
  const others = managed.filter((each) => each !== last)

  const merged = mergeConfiguration(shown, configuration, form.schema)
  const owned = others.reduce((all, each) => union(all, each.fields), union(set, NEVER_OWNED))
  const document = last === undefined ? merged : pruneUnowned(merged, last.fields, owned, form.schema)
  const object = write.read(document)
  const differences = new Differences(live ?? {}, object, write)
  if (!write.force) refuseConflicts(others, differences, fieldsToTakeOver(write.manager, shown, form.schema))
  const own: ManagedSet = { ...identity, time: last?.time, fields: difference(set, NEVER_OWNED) }
  const next = [...others.flatMap((each) => yielded(each, differences)), own]
  // A new order of a keyed list is no difference to owners, but it is one to the object.
  if (live !== undefined && sameOwners(former, next) && deepEqual(live, object))
    return { object: live, managedFields: writeManaged(former) }
  return {
    object: withLastApplied(write.manager, object, configuration),
    managedFields: writeManaged(next.map((each) => (each === own ? { ...own, time: write.time } : each))),
  }
}

/** The managers after the change; the writer's own fields grow by what it changed. */
function updated(
  managed: readonly ManagedSet[],
  before: KubernetesObject,
  after: KubernetesObject,
  write: ManagedWrite,
): ManagedSet[] {
  const differences = new Differences(before, after, write)
  const own = differences.at(write.apiVersion)!
  const changed = difference(union(own.added, own.modified), NEVER_OWNED)
  const identity = {
    manager: write.manager,
    operation: 'Update',
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  } as const
  const result = isSame(own) ? [...managed] : managed.flatMap((each) => yielded(each, differences))
  if (isEmptySet(changed)) return result
  const at = result.findIndex((each) => isSameManager(each, identity))
  const former = at === -1 ? EMPTY_SET : result[at]!.fields
  const entry: ManagedSet = { ...identity, time: write.time, fields: union(former, changed) }
  if (at === -1) result.push(entry)
  else result[at] = entry
  return result
}

/** What is left to a manager when somebody else's write changed the object; nothing when that was all it had. */
function yielded(set: ManagedSet, differences: Differences): ManagedSet[] {
  const found = differences.at(set.apiVersion)
  if (found === undefined) return []
  const lost = union(union(found.added, found.modified), found.removed)
  const fields = difference(set.fields, lost)
  if (isEmptySet(fields)) return []
  return [equalSets(fields, set.fields) ? set : { ...set, fields }]
}

/** The comparison of two versions of an object, made once for each API version in which a manager's fields are known. */
class Differences {
  readonly #before: KubernetesObject
  readonly #after: KubernetesObject
  readonly #write: ManagedWrite
  readonly #known = new Map<string, Comparison | undefined>()

  constructor(before: KubernetesObject, after: KubernetesObject, write: ManagedWrite) {
    this.#before = before
    this.#after = after
    this.#write = write
  }

  at(apiVersion: string): Comparison | undefined {
    if (!this.#known.has(apiVersion)) this.#known.set(apiVersion, this.#compare(apiVersion))
    return this.#known.get(apiVersion)
  }

  #compare(apiVersion: string): Comparison | undefined {
    const form = this.#write.form(apiVersion)
    if (form === undefined) return undefined
    const shown = (object: KubernetesObject): KubernetesObject => (object.metadata === undefined ? object : form.of(object))
    const { added, removed, modified } = compare(shown(this.#before), shown(this.#after), form.schema)
    // What the write can't reach anyway makes nobody an owner and takes nothing from one.
    const reached = (fields: FieldSet): FieldSet => withoutBelow(fields, this.#write.resetFields)
    return { added: reached(added), removed: reached(removed), modified: reached(modified) }
  }
}

function refuseConflicts(others: readonly ManagedSet[], differences: Differences, mayTake: FieldSet): void {
  const conflicts: { readonly owner: string; readonly path: string }[] = []
  for (const each of others) {
    const found = differences.at(each.apiVersion)
    if (found === undefined) continue
    const touched = difference(intersection(each.fields, union(found.added, found.modified)), mayTake)
    for (const path of members(touched)) conflicts.push({ owner: describe(each), path: printPath(path) })
  }
  if (conflicts.length === 0) return
  conflicts.sort((a, b) => (a.owner < b.owner ? -1 : a.owner > b.owner ? 1 : a.path < b.path ? -1 : 1))
  const causes = conflicts.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${owner}`,
    field: path,
  }))
  throw failure(409, 'Conflict', conflictMessage(conflicts), { causes })
}

function conflictMessage(conflicts: readonly { readonly owner: string; readonly path: string }[]): string {
  if (conflicts.length === 1) return `Apply failed with 1 conflict: conflict with ${conflicts[0]!.owner}: ${conflicts[0]!.path}`
  const byOwner = Map.groupBy(conflicts, ({ owner }) => owner)
  const lines = [...byOwner].flatMap(([owner, own]) => [`conflicts with ${owner}:`, ...own.map(({ path }) => `- ${path}`)])
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`
}

/** `"kubectl-edit" with subresource "status" using apps/v1`. */
function describe({ manager, operation, apiVersion, subresource }: ManagedSet): string {
  const name = JSON.stringify(manager) + (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`)
  return operation === 'Apply' ? name : `${name} using ${apiVersion}`
}

/** What the request says of managers counts when it is well-formed and written to the object itself; a single empty entry resets. */
function sentOrKept(before: KubernetesObject | undefined, after: KubernetesObject, subresource: string): ManagedSet[] {
  const kept = before?.metadata?.managedFields
  const sent = after.metadata?.managedFields
  if (subresource !== '' || deepEqual(sent, kept)) return storedManaged(kept)
  if (sent?.length === 1 && Object.keys(sent[0]!).length === 0) return []
  const read = readManaged(sent)
  return read === undefined || read.length === 0 ? storedManaged(kept) : read
}

function sameOwners(a: readonly ManagedSet[], b: readonly ManagedSet[]): boolean {
  return (
    a.length === b.length &&
    a.every((one) =>
      b.some((other) => isSameManager(one, other) && one.apiVersion === other.apiVersion && equalSets(one.fields, other.fields)),
    )
  )
}
