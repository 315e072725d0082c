import type { ResourceDefinition } from '#api'
import { internalError, type KubernetesObject, keyOf } from '#meta'
import type { Entry } from '#store'
import { isEncrypted } from '../encryption/transformer.ts'
import { objectOf } from '../registry/object-version.ts'
import { currentForm, isWrittenAs } from '../registry/stored-version.ts'

/** Keys that are named to a client. */
const NAMED_MAX = 3

interface Damaged {
  readonly revision: number
  readonly why: string
}

/**
 * What stands in the store and is no object of its place: others may write there. A list without it would tell clients that the object is gone, on which they act;
 * so lists and watches that would meet it are refused until the key is written anew or removed. Everything else goes on, as upstream.
 */
export class Damage {
  readonly #byKey = new Map<string, Damaged>()

  /** Throws a Status while what is read can't be: an object by its key, or all below a prefix, which ends in a slash. */
  check(read: string): void {
    if (this.#byKey.size === 0) return
    const keys = read.endsWith('/') ? [...this.#byKey.keys()].filter((key) => key.startsWith(read)) : this.has(read) ? [read] : []
    const [first] = keys
    if (first === undefined) return
    const more = keys.length > NAMED_MAX ? ` and ${keys.length - NAMED_MAX} more` : ''
    const { why } = this.#byKey.get(first)!
    throw internalError(new Error(`what is stored at ${keys.slice(0, NAMED_MAX).join(', ')}${more} can not be read: ${why}`))
  }

  has(key: string, revision?: number): boolean {
    const known = this.#byKey.get(key)
    return known !== undefined && (revision === undefined || known.revision === revision)
  }

  note({ key, revision }: Entry, why: string): void {
    this.#byKey.set(key, { revision, why })
  }

  clear(key: string): void {
    this.#byKey.delete(key)
  }

  /** Forgets what is not among the keys that there are. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#byKey.keys()) if (!keys.has(key)) this.#byKey.delete(key)
  }
}

/** Where an entry stands: below a prefix, as one of a resource if it has but one kind. */
export interface Place {
  readonly prefix: string
  readonly resource?: ResourceDefinition
}

/**
 * Why an entry is no object of its place; undefined when it is one, or is a ciphertext that no provider reads: that is a matter of keys, which may come back, and
 * the version of it tells of it.
 */
export function damageOf(entry: Pick<Entry, 'key' | 'value' | 'problem'>, { prefix, resource }: Place): string | undefined {
  const { key, value } = entry
  if (entry.problem !== undefined || isEncrypted(value)) return undefined
  let object: ReturnType<typeof objectOf>
  try {
    object = objectOf(value)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return 'it is no object'
  const { kind, metadata } = object
  if (typeof kind !== 'string' || kind === '') return 'it has no kind'
  if (resource !== undefined && kind !== resource.kind) return `it is of kind ${kind}`
  if (typeof metadata !== 'object' || metadata === null || typeof metadata.name !== 'string') return 'it has no name'
  if (keyOf(object) !== key.slice(prefix.length)) return `it is ${keyOf(object)} by its metadata`
  return resource === undefined || resource.custom !== undefined ? undefined : versionProblem(object, resource)
}

/**
 * The same of an entry that is read with all others when a server starts: what begins as objects of the resource are stored is parsed when somebody asks for it.
 */
export function damageAtStart(entry: Pick<Entry, 'key' | 'value' | 'problem'>, place: Place): string | undefined {
  const { value } = entry
  const isSound =
    place.resource !== undefined &&
    isWrittenAs(value, place.resource) &&
    (value[0] !== OPENING_BRACE || value[value.length - 1] === CLOSING_BRACE)
  return isSound ? undefined : damageOf(entry, place)
}

function versionProblem(object: KubernetesObject, resource: ResourceDefinition): string | undefined {
  try {
    currentForm(object, resource)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d
