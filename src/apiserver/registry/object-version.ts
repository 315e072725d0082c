import type { ResourceDefinition } from '#api'
import { deepFreeze } from '#base'
import type { KubernetesObject, ObjectKey } from '#meta'
import type { Entry, Revision } from '#store'

/**
 * One immutable version of an object. Its JSON was encoded at the write, without the revision it was about to get; `bytes` splices that in, so that
 * GET, LIST and WATCH send what was encoded once.
 */
export class ObjectVersion {
  readonly key: ObjectKey
  readonly revision: Revision
  readonly #stored: Uint8Array
  #object: KubernetesObject | undefined
  #bytes: Uint8Array | undefined

  constructor(key: ObjectKey, revision: Revision, stored: Uint8Array, parsed?: KubernetesObject) {
    this.key = key
    this.revision = revision
    this.#stored = stored
    if (parsed !== undefined) this.#object = withRevision(parsed, revision)
  }

  /** Frozen and shared. */
  get object(): KubernetesObject {
    this.#object ??= withRevision(JSON.parse(decoder.decode(this.#stored)) as KubernetesObject, this.revision)
    return this.#object
  }

  /** What the store has of it. */
  get stored(): KubernetesObject {
    return this.object
  }

  /** Whether `object` is at hand. */
  get isParsed(): boolean {
    return this.#object !== undefined
  }

  bytes(): Uint8Array {
    this.#bytes ??= spliceRevision(this.#stored, this.revision)
    return this.#bytes
  }

  /** Encoded bytes, without the revision. */
  get size(): number {
    return this.#stored.byteLength
  }

  /** The same state as of a later revision: what is said of an object when it went. */
  at(revision: Revision): ObjectVersion {
    return new ObjectVersion(this.key, revision, this.#stored, this.#object)
  }
}

/** A version as one version of a custom kind shows it. */
class ShownVersion extends ObjectVersion {
  readonly #origin: KubernetesObject
  readonly #size: number
  #bytes: Uint8Array | undefined

  constructor(key: ObjectKey, revision: Revision, object: KubernetesObject, origin: KubernetesObject, size: number) {
    super(key, revision, NOTHING, object)
    this.#origin = origin
    this.#size = size
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
    this.#bytes ??= Buffer.from(JSON.stringify(this.object))
    return this.#bytes
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

const NOTHING = new Uint8Array()
const decoder = new TextDecoder()

/** Objects whose bytes are on their way through the store, so that they need no second parse when they come back. */
const parsedBytes = new WeakMap<Uint8Array, KubernetesObject>()

export function versionOf(key: ObjectKey, entry: Pick<Entry, 'value' | 'revision'>): ObjectVersion {
  return new ObjectVersion(key, entry.revision, entry.value, parsedBytes.get(entry.value))
}

/**
 * Encodes an object for the store: kind, apiVersion and metadata lead, so that the splice finds its place without a search, and the
 * revision is left out. The object must not change afterwards.
 */
export function encodeForStore(object: KubernetesObject): Uint8Array {
  const { kind, apiVersion, metadata, ...rest } = object
  const { resourceVersion: _, ...meta } = metadata ?? {}
  const bytes = Buffer.from(JSON.stringify({ kind, apiVersion, metadata: meta, ...rest }))
  parsedBytes.set(bytes, object)
  return bytes
}

const MARK = Buffer.from('"metadata":{')

/** `…"metadata":{"name":…` becomes `…"metadata":{"resourceVersion":"7","name":…`. */
function spliceRevision(stored: Uint8Array, revision: Revision): Uint8Array {
  const buffer = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength)
  const at = buffer.indexOf(MARK) + MARK.length
  const comma = buffer[at] === 0x7d ? '' : ','
  return Buffer.concat([buffer.subarray(0, at), Buffer.from(`"resourceVersion":"${revision}"${comma}`), buffer.subarray(at)])
}

function withRevision(object: KubernetesObject, revision: Revision): KubernetesObject {
  const { kind, apiVersion, metadata, ...rest } = object
  return deepFreeze({
    kind,
    apiVersion,
    metadata: { ...metadata, resourceVersion: String(revision) },
    ...rest,
  } as KubernetesObject)
}
