import { decodeProtobuf, encodeProtobuf, type ResourceDefinition } from '#api'
import { deepFreeze, parseJson } from '#base'
import { internalError, type KubernetesObject, type ObjectKey } from '#meta'
import type { Entry, Revision } from '#store'
import { IDENTITY_READS_ENCRYPTED, isEncrypted } from '../encryption/transformer.ts'
import { EncodedObject, MARK, UNTYPED_OPEN } from './encoded-object.ts'
import { keptBytes } from './kept-bytes.ts'
import { currentForm, isWrittenAs } from './stored-version.ts'

/**
 * One immutable version of an object. Its JSON was encoded at the write, without the revision it was about to get; `parts` puts that between, so that
 * GET, LIST and WATCH send what was encoded once, and nothing is kept beside what the store has.
 */
export class ObjectVersion {
  readonly key: ObjectKey
  readonly revision: Revision
  readonly #stored: Uint8Array
  #object: KubernetesObject | undefined
  /** What was written, or `object` made of it, for as long as somebody else has it too: most objects are told of as bytes and never asked for again. */
  #passing: WeakRef<KubernetesObject> | undefined
  #isMade = false
  /** Where the revision goes, negative where nothing else is there; 0 until somebody asks. Known, it spares a list to look into every object for its length. */
  #seam = 0
  /** Only of what is stored in another form than JSON. */
  #encoded: EncodedObject | undefined

  constructor(key: ObjectKey, revision: Revision, stored: Uint8Array, parsed?: KubernetesObject) {
    this.key = key
    this.revision = revision
    this.#stored = stored
    if (parsed !== undefined) this.#passing = new WeakRef(parsed)
  }

  /** Frozen and shared. */
  get object(): KubernetesObject {
    if (this.#object !== undefined) return this.#object
    const passing = this.#passing?.deref()
    if (passing === undefined) return this.#keep(withRevision(decodeStored(this.#stored), this.revision))
    if (this.#isMade) return passing
    const object = withRevision(passing, this.revision)
    this.#passing = new WeakRef(object)
    this.#isMade = true
    return object
  }

  /** Keeps `object` from now on, which would be parsed anew else. */
  keep(): void {
    this.#keep(this.object)
  }

  #keep(object: KubernetesObject): KubernetesObject {
    this.#object = object
    this.#passing = undefined
    return object
  }

  /** What the store has of it. */
  get stored(): KubernetesObject {
    return this.object
  }

  /** Why it can't be read; whoever asks for the object then is answered with that. */
  get problem(): Error | undefined {
    return undefined
  }

  /** Whether `object` is at hand. */
  get isParsed(): boolean {
    return this.#object !== undefined || this.#passing?.deref() !== undefined
  }

  /** Whether its bytes are at hand without the object. */
  get isJson(): boolean {
    return this.#isSpliced()
  }

  bytes(): Uint8Array {
    return this.#isSpliced() ? Buffer.concat(this.parts(false)) : this.#encodedOnce().bytes
  }

  /** Of `bytes`, or of an item whose list says what it is. */
  length(untyped: boolean): number {
    if (!this.#isSpliced()) return this.#encodedOnce().length(untyped)
    const rest = this.#stored.byteLength - (untyped ? Math.abs(this.#seam) - UNTYPED_OPEN.length : 0)
    return rest + REVISION_FIELD_BYTES + digitsOf(this.revision) + (this.#seam < 0 ? 0 : 1)
  }

  /** `{"kind":…,"metadata":{"name":…` becomes `{"kind":…,"metadata":{`, or just `{"metadata":{`, then `"resourceVersion":"7",` and `"name":…`. */
  parts(untyped: boolean): readonly Uint8Array[] {
    if (!this.#isSpliced()) return this.#encodedOnce().parts(untyped)
    const seam = Math.abs(this.#seam)
    const open = untyped ? UNTYPED_OPEN : this.#stored.subarray(0, seam)
    return [open, Buffer.from(this.#revisionField(), 'latin1'), this.#stored.subarray(seam)]
  }

  /** Copies them to where there is room; how many there were. */
  copyTo(target: Buffer, at: number, untyped: boolean): number {
    if (!this.#isSpliced()) return this.#encodedOnce().copyTo(target, at, untyped)
    const stored = this.#stored
    const seam = Math.abs(this.#seam)
    const length = this.length(untyped)
    const rest = at + length - (stored.byteLength - seam)
    const open = untyped ? UNTYPED_OPEN : stored
    const field = at + (untyped ? UNTYPED_OPEN.length : seam)
    target.set(stored.subarray(seam), rest)
    // What leads is short and so is the field: a call for each costs more than their bytes one by one.
    for (let index = 0; at + index < field; index++) target[at + index] = open[index]!
    this.#writeRevisionField(target, field, rest)
    return length
  }

  /** Of `revisionField`, to where it begins and ends. */
  #writeRevisionField(target: Buffer, at: number, end: number): void {
    let to = end
    if (this.#seam > 0) target[--to] = COMMA
    target[--to] = QUOTE
    for (let rest = this.revision; to > at + REVISION_FIELD_OPEN.length; ) {
      const tens = Math.floor(rest / 10)
      target[--to] = ZERO + (rest - tens * 10)
      rest = tens
    }
    for (let index = 0; index < REVISION_FIELD_OPEN.length; index++) target[at + index] = REVISION_FIELD_OPEN[index]!
  }

  #revisionField(): string {
    return `"resourceVersion":"${this.revision}"${this.#seam < 0 ? '' : ','}`
  }

  #encodedOnce(): EncodedObject {
    this.#encoded ??= new EncodedObject(this.object)
    return this.#encoded
  }

  /** Whether it is stored in JSON, in which the revision's place is known from then on. */
  #isSpliced(): boolean {
    if (this.#seam === 0 && isJson(this.#stored)) {
      const { buffer, byteOffset, byteLength } = this.#stored
      const seam = Buffer.from(buffer, byteOffset, byteLength).indexOf(MARK) + MARK.length
      this.#seam = this.#stored[seam] === CLOSING_BRACE ? -seam : seam
    }
    return this.#seam !== 0
  }

  /** Encoded bytes, without the revision. */
  get size(): number {
    return this.#stored.byteLength
  }

  /** The same state as of a later revision: what is said of an object when it went. */
  at(revision: Revision): ObjectVersion {
    return new ObjectVersion(this.key, revision, this.#stored, this.#object ?? this.#passing?.deref())
  }
}

/** A version as it is shown, which is not as it is stored: by one version of a custom kind, or after it was stored in an older version. */
class ShownVersion extends ObjectVersion {
  readonly #shown: KubernetesObject
  readonly #origin: KubernetesObject
  readonly #size: number
  #encoded: EncodedObject | undefined

  constructor(key: ObjectKey, revision: Revision, object: KubernetesObject, origin: KubernetesObject, size: number) {
    super(key, revision, NOTHING)
    this.#shown = withRevision(object, revision)
    this.#origin = origin
    this.#size = size
  }

  override get object(): KubernetesObject {
    return this.#shown
  }

  override get isParsed(): boolean {
    return true
  }

  /** Of what is stored, which costs no encoding. */
  override get size(): number {
    return this.#size
  }

  override at(revision: Revision): ObjectVersion {
    return new ShownVersion(this.key, revision, this.object, this.#origin, this.#size)
  }

  override get stored(): KubernetesObject {
    return this.#origin
  }

  override bytes(): Uint8Array {
    return this.#encodedOnce().bytes
  }

  override length(untyped: boolean): number {
    return this.#encodedOnce().length(untyped)
  }

  override parts(untyped: boolean): readonly Uint8Array[] {
    return this.#encodedOnce().parts(untyped)
  }

  override copyTo(target: Buffer, at: number, untyped: boolean): number {
    return this.#encodedOnce().copyTo(target, at, untyped)
  }

  #encodedOnce(): EncodedObject {
    this.#encoded ??= new EncodedObject(this.object)
    return this.#encoded
  }
}

/** What is stored and can't be read: encrypted with a key that is not known, or damaged. */
class UnreadableVersion extends ObjectVersion {
  readonly #stored: Uint8Array
  readonly #problem: Error
  readonly #storageKey: string

  constructor(key: ObjectKey, entry: Pick<Entry, 'value' | 'revision'>, problem: Error, storageKey: string) {
    super(key, entry.revision, entry.value)
    this.#stored = entry.value
    this.#problem = problem
    this.#storageKey = storageKey
  }

  override get object(): KubernetesObject {
    const why = `unable to transform key ${JSON.stringify(this.#storageKey)}: ${this.#problem.message}`
    throw internalError(new Error(why, { cause: this.#problem }))
  }

  override get problem(): Error {
    return this.#problem
  }

  override keep(): void {}

  /** Who lists it is to learn of the problem before anything is answered. */
  override get isJson(): boolean {
    return false
  }

  override at(revision: Revision): ObjectVersion {
    return new UnreadableVersion(this.key, { value: this.#stored, revision }, this.#problem, this.#storageKey)
  }

  override bytes(): Uint8Array {
    return Buffer.from(JSON.stringify(this.object))
  }

  override length(): number {
    return this.bytes().byteLength
  }

  override parts(): readonly Uint8Array[] {
    return [this.bytes()]
  }

  override copyTo(target: Buffer, at: number): number {
    target.set(this.bytes(), at)
    return this.length()
  }
}

/** Versions as `resource` shows them. Throws a Status when a webhook that has to convert them does not. */
export async function shownVersions(
  { custom }: Pick<ResourceDefinition, 'custom'>,
  versions: readonly ObjectVersion[],
): Promise<ObjectVersion[]> {
  if (custom === undefined) return [...versions]
  return showing(versions, await custom.show(versions.map(({ object }) => object)))
}

/** Pairs versions with what is shown of them; one that is shown as it is stays itself. */
export const showing = (versions: readonly ObjectVersion[], objects: readonly KubernetesObject[]): ObjectVersion[] =>
  versions.map((version, index) => {
    const object = objects[index]!
    return object === version.object
      ? version
      : new ShownVersion(version.key, version.revision, object, version.object, version.size)
  })

export const shownAs = (key: ObjectKey, revision: Revision, object: KubernetesObject): ObjectVersion =>
  new ShownVersion(key, revision, object, object, 0)

/** How objects of built-in kinds are stored. All forms are read, whichever is written. */
export type StorageForm = 'json' | 'protobuf'

const NOTHING = new Uint8Array()
const decoder = new TextDecoder()

/** Objects whose bytes are on their way through the store, so that they need no second parse when they come back. Whoever makes a version of them takes them out. */
const parsedBytes = new WeakMap<Uint8Array, KubernetesObject>()

export function versionOf(
  key: ObjectKey,
  entry: Pick<Entry, 'value' | 'revision' | 'problem'> & { readonly key?: string },
  resource?: ResourceDefinition,
): ObjectVersion {
  const problem = entry.problem ?? (isEncrypted(entry.value) ? new Error(IDENTITY_READS_ENCRYPTED) : undefined)
  if (problem !== undefined) return new UnreadableVersion(key, entry, problem, entry.key ?? key)
  if (resource !== undefined && resource.custom === undefined && !isWrittenAs(entry.value, resource))
    return ofAnyVersion(key, entry, resource)
  const parsed = parsedBytes.get(entry.value)
  if (parsed !== undefined) parsedBytes.delete(entry.value)
  return new ObjectVersion(key, entry.revision, entry.value, parsed)
}

/** What is stored in another version than the one that is shown. */
function ofAnyVersion(
  key: ObjectKey,
  entry: Pick<Entry, 'value' | 'revision'> & { readonly key?: string },
  resource: ResourceDefinition,
): ObjectVersion {
  try {
    const stored = objectOf(entry.value)
    parsedBytes.delete(entry.value)
    const object = currentForm(stored, resource)
    if (object === stored) return new ObjectVersion(key, entry.revision, entry.value, stored)
    return new ShownVersion(key, entry.revision, object, stored, entry.value.byteLength)
  } catch (error) {
    return new UnreadableVersion(key, entry, error instanceof Error ? error : new Error(String(error)), entry.key ?? key)
  }
}

/** What is stored, parsed once with the version that is made of it. Throws for what is no object. */
export function objectOf(stored: Uint8Array): KubernetesObject {
  const known = parsedBytes.get(stored)
  if (known !== undefined) return known
  const object = decodeStored(stored)
  parsedBytes.set(stored, object)
  return object
}

/** An object as some API server stored it, ours or upstream's. */
export const decodeStored = (stored: Uint8Array): KubernetesObject =>
  (isJson(stored) ? parseJson(decoder.decode(stored)) : decodeProtobuf(stored).object) as KubernetesObject

/** In which form an object is stored. */
export const formOfStored = (stored: Uint8Array): StorageForm => (isJson(stored) ? 'json' : 'protobuf')

const isJson = (stored: Uint8Array): boolean => stored[0] === 0x7b

/** Upstream stores these in JSON, like custom resources. */
const JSON_GROUPS = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io'])

/** The form in which objects of `resource` are stored, where others are stored as `form`. */
export const storageFormOf = ({ group, custom }: Pick<ResourceDefinition, 'group' | 'custom'>, form: StorageForm): StorageForm =>
  custom !== undefined || JSON_GROUPS.has(group) ? 'json' : form

/**
 * Encodes an object for the store, in JSON: kind, apiVersion and metadata lead, so that the splice finds its place without a search, and the
 * revision is left out. The object must not change afterwards.
 */
export function encodeForStore(object: KubernetesObject, form: StorageForm = 'json'): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object
  const { resourceVersion: _, ...meta } = metadata ?? {}
  const stored = { kind, apiVersion, metadata: meta, ...rest }
  const bytes = form === 'json' ? keptBytes(JSON.stringify(stored)) : encodeProtobuf(stored as KubernetesObject)
  parsedBytes.set(bytes, object)
  return bytes
}

const CLOSING_BRACE = 0x7d
const REVISION_FIELD_OPEN = Buffer.from('"resourceVersion":"')
/** Without its digits. */
const REVISION_FIELD_BYTES = REVISION_FIELD_OPEN.length + 1
const [COMMA, QUOTE, ZERO] = [0x2c, 0x22, 0x30]

/** Without making the text: a list asks this of each of its items at once. */
function digitsOf(revision: Revision): number {
  let digits = 1
  for (let bound = 10; revision >= bound; bound *= 10) digits++
  return digits
}

/** Nothing has revision 0: that is what would have been made, had it not been for a dry run. */
function withRevision(object: KubernetesObject, revision: Revision): KubernetesObject {
  const { kind, apiVersion, metadata, ...rest } = object
  return deepFreeze({
    kind,
    apiVersion,
    metadata: revision === 0 ? { ...metadata } : { ...metadata, resourceVersion: String(revision) },
    ...rest,
  } as KubernetesObject)
}
