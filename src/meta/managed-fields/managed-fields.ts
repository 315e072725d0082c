import { deepEqual } from '#base'
import type { Schema } from '../schema.ts'
import { failure } from '../status.ts'
import type { KubernetesObject, ManagedFieldsEntry } from '../types.ts'
import { type Comparison, compare, isSame } from './compare.ts'
import { compareText, printPath, quoted } from './element.ts'
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
import {
  capManagers,
  identifierOf,
  isSameManager,
  type ManagedSet,
  readManaged,
  storedManaged,
  writeManaged,
} from './managers.ts'
import { mergeConfiguration } from './merge.ts'
import { pruneUnowned } from './prune.ts'
import { reconciled } from './reconcile.ts'
import { setFields } from './set-fields.ts'
import { Unmanageable } from './shape.ts'
import { storedTypeErrors } from './typed.ts'
import { withNulls } from './zero.ts'

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

/** Who had the fields of an object that nobody had applied to. */
const BEFORE_FIRST_APPLY = 'before-first-apply'

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
  try {
    if (before === undefined && managed.length === 0) return createdBy(after, write)
    return writeManaged(capManagers(updated(managed, before ?? {}, after, write)))
  } catch (error) {
    if (error instanceof Unmanageable) return undefined
    throw error
  }
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
  const shown = live === undefined ? {} : (withNulls(form.of(live), form.schema) as KubernetesObject)
  let managed = storedManaged(live?.metadata?.managedFields)
  const errors = live === undefined ? undefined : storedTypeErrors(shown, form.schema)
  if (live !== undefined && managed.length === 0) {
    const made = 'failed to create manager for existing fields: failed to convert new object'
    if (errors !== undefined) throw unreadable(`${made} (${nameIn(live, configuration)}) to smd typed: ${errors}`)
    managed = updated([], {}, live, { ...write, manager: BEFORE_FIRST_APPLY })
  }
  const listed = fieldsOf(configuration, form.schema, nameIn(configuration, configuration))
  if (errors !== undefined) throw unreadable(`failed to create typed live object (${nameIn(shown, configuration)}): ${errors}`)
  const given = { live, shown, configuration, form, listed, managed: served(managed, write) }
  return applied(given, write)
}

/** What an apply starts from. */
interface Given {
  readonly live: KubernetesObject | undefined
  /** In the version of the request, with nulls. */
  readonly shown: KubernetesObject
  readonly configuration: KubernetesObject
  readonly form: VersionForm
  /** The fields of the configuration. */
  readonly listed: FieldSet
  readonly managed: readonly ManagedSet[]
}

/** `default/web; apps/v1, Kind=Deployment`, as errors name an object in the version of the configuration. */
function nameIn({ metadata }: KubernetesObject, { apiVersion = '', kind = '' }: KubernetesObject): string {
  const version = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${version}, Kind=${kind}`
}

const unreadable = (message: string): Error => failure(500, '', message)

function applied({ live, shown, configuration, form, listed, managed }: Given, write: ApplyWrite): Applied {
  const identity = {
    manager: write.manager,
    operation: 'Apply',
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  } as const
  const set = withoutBelow(listed, write.resetFields)
  const last = managed.find((each) => isSameManager(each, identity))
  const others = managed.filter((each) => each !== last)

  const merged = mergeConfiguration(shown, configuration, form.schema)
  const owned = {
    last: last?.fields ?? EMPTY_SET,
    listed: set,
    others: others.reduce((all, each) => union(all, each.fields), EMPTY_SET),
  }
  const document = pruneUnowned(merged, owned, form.schema)
  const object = write.read(document)
  // What the request's own version says is compared as it stands there: an empty map that nobody else would see is a change, too.
  const differences = new Differences(live ?? {}, object, write, compare(shown, document, form.schema))
  if (!write.force) refuseConflicts(others, differences, fieldsToTakeOver(write, shown, form.schema))
  const isSameObject = live !== undefined && deepEqual(shown, document)
  const own: ManagedSet = { ...identity, time: isSameObject ? last?.time : write.time, fields: difference(set, NEVER_OWNED) }
  const next = [...others.flatMap((each) => yielded(each, differences)), own]
  return {
    object: withLastApplied(write.manager, isSameObject ? live : object, configuration),
    managedFields: writeManaged(next),
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
  const known = served(managed, write)
  const own = differences.at(write.apiVersion)!
  const changed = difference(union(own.added, own.modified), NEVER_OWNED)
  const identity = {
    manager: write.manager,
    operation: 'Update',
    apiVersion: write.apiVersion,
    subresource: write.subresource,
  } as const
  const result = isSame(own) ? known : known.flatMap((each) => yielded(each, differences))
  if (isEmptySet(changed)) return result
  const at = result.findIndex((each) => isSameManager(each, identity))
  const former = at === -1 ? EMPTY_SET : result[at]!.fields
  const entry: ManagedSet = { ...identity, time: write.time, fields: union(former, changed) }
  if (at === -1) result.push(entry)
  else result[at] = entry
  return result
}

/** The managers in versions that are served, whose fields are such of their schema. */
function served(managed: readonly ManagedSet[], write: ManagedWrite): ManagedSet[] {
  return managed.flatMap((each) => {
    const form = write.form(each.apiVersion)
    if (form === undefined) return []
    const fields = reconciled(each.fields, form.schema)
    return [fields === each.fields ? each : { ...each, fields }]
  })
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

  /** `own`: in the version of the request, if it is known already. */
  constructor(before: KubernetesObject, after: KubernetesObject, write: ManagedWrite, own?: Comparison) {
    this.#before = before
    this.#after = after
    this.#write = write
    if (own !== undefined) this.#known.set(write.apiVersion, this.#reached(own))
  }

  at(apiVersion: string): Comparison | undefined {
    if (!this.#known.has(apiVersion)) this.#known.set(apiVersion, this.#compare(apiVersion))
    return this.#known.get(apiVersion)
  }

  #compare(apiVersion: string): Comparison | undefined {
    const form = this.#write.form(apiVersion)
    if (form === undefined) return undefined
    const shown = (object: KubernetesObject): KubernetesObject => (object.metadata === undefined ? object : form.of(object))
    return this.#reached(compare(shown(this.#before), shown(this.#after), form.schema))
  }

  /** What the write can't reach anyway makes nobody an owner and takes nothing from one. */
  #reached({ added, removed, modified }: Comparison): Comparison {
    const reached = (fields: FieldSet): FieldSet => withoutBelow(fields, this.#write.resetFields)
    return { added: reached(added), removed: reached(removed), modified: reached(modified) }
  }
}

function refuseConflicts(others: readonly ManagedSet[], differences: Differences, mayTake: FieldSet): void {
  const conflicts: { readonly owner: ManagedSet; readonly path: string }[] = []
  for (const owner of others.toSorted((a, b) => compareText(identifierOf(a), identifierOf(b)))) {
    const found = differences.at(owner.apiVersion)
    if (found === undefined) continue
    const touched = difference(intersection(owner.fields, union(found.added, found.modified)), mayTake)
    for (const path of members(touched)) conflicts.push({ owner, path: printPath(path) })
  }
  if (conflicts.length === 0) return
  const causes = conflicts.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${describe(owner)}`,
    field: path,
  }))
  throw failure(409, 'Conflict', conflictMessage(conflicts), { causes })
}

function conflictMessage(conflicts: readonly { readonly owner: ManagedSet; readonly path: string }[]): string {
  const [{ owner, path }, ...others] = conflicts as [(typeof conflicts)[0], ...typeof conflicts]
  if (others.length === 0) return `Apply failed with 1 conflict: conflict with ${describe(owner)}: ${path}`
  const byOwner = Map.groupBy(conflicts, (each) => each.owner)
  const lines = [...byOwner].flatMap(([each, own]) => [
    `conflicts with ${describe(each)}:`,
    ...own.map((found) => `- ${found.path}`),
  ])
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`
}

/** `"kubectl-edit" with subresource "status" using apps/v1`. */
function describe({ manager, operation, apiVersion, subresource }: ManagedSet): string {
  const name = quoted(manager) + (subresource === '' ? '' : ` with subresource ${quoted(subresource)}`)
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
