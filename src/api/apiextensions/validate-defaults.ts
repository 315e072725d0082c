import { deepEqual } from '#base'
import type { FieldError } from '#meta'
import { type Findings, foundBy, invalidValue } from '../validation/findings.ts'
import { inKeyOrder } from './internal-form.ts'
import { loadedRules } from './rules/load.ts'
import { pruneValue, ResourceError, readMetadata } from './schema/prune.ts'
import { validateResources } from './schema/resource-meta.ts'
import { isEmbedded, isRuled, type Structural } from './schema/structural.ts'
import { at, validateValue } from './schema/validate-value.ts'

/** Defaults must be what they are filled in for: valid as they stand, also by the rules of their schema, and with nothing that would be pruned. */
export function validateDefaults(schema: Structural, path: string, mustBePruned: boolean, found: Findings): void {
  const root = { ...schema, 'x-kubernetes-embedded-resource': true }
  new DefaultCheck(mustBePruned, found).node(root, path, { root, isInsideMeta: false, surround: typed })
}

/** Puts a value where it stands in the object around it. */
type Surround = (value: unknown) => unknown

interface Around {
  readonly root: Structural
  /** Part of the names of a kind, or of metadata. */
  readonly isInsideMeta: boolean
  readonly surround: Surround
}

const typed: Surround = (value) => ({ kind: 'Validation', apiVersion: 'validation/v1', ...(value as object) })

class DefaultCheck {
  readonly #mustBePruned: boolean
  readonly #found: Findings

  constructor(mustBePruned: boolean, found: Findings) {
    this.#mustBePruned = mustBePruned
    this.#found = found
  }

  node(node: Structural, path: string, outer: Around): void {
    const around = isEmbedded(node) ? { root: node, isInsideMeta: false, surround: typed } : outer
    if (node.default !== undefined) this.#default(node, `${path}.default`, around)
    // Those of a map's values are filled in, but upstream looks at none.
    const { surround } = around
    if (node.items !== undefined) this.node(node.items, `${path}.items`, { ...around, surround: (value) => surround([value]) })
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      const isInsideMeta = around.isInsideMeta || (isEmbedded(node) && META_FIELDS.has(name))
      const inner = { ...around, isInsideMeta, surround: (value: unknown) => surround({ [name]: value }) }
      this.node(property, `${path}.properties[${name}]`, inner)
    }
  }

  #default(node: Structural, path: string, around: Around): void {
    const found = around.isInsideMeta ? metaProblems(node.default, path, around) : this.#ownProblems(node, path)
    if (found.length === 0) found.push(...at(path, validateValue(node.default, node, { isDefault: true })))
    if (found.length === 0 && isRuled(node)) found.push(...ruledDefault(node.default, node, path))
    this.#found.push(...found)
  }

  /** Of what it would lose is told besides everything else, and metadata is shown as it was read. */
  #ownProblems(node: Structural, path: string): Findings {
    const read = metadataOf(node.default, node)
    const lost = this.#mustBePruned && !deepEqual(pruneValue(node.default, node), node.default)
    const shown = read instanceof ResourceError ? node.default : read
    if (lost) this.#found.push(invalidValue(path, inKeyOrder(shown), 'must not have unknown fields'))
    if (read instanceof ResourceError) return [invalidValue(below(path, read.field), inKeyOrder(read.value), read.detail)]
    return foundBy((found) => validateResources(read, node, path, found))
  }
}

const META_FIELDS = new Set(['metadata', 'apiVersion', 'kind'])

const below = (path: string, field: string): string => (field.startsWith('[') ? `${path}${field}` : `${path}.${field}`)

function metadataOf(value: unknown, node: Structural): unknown {
  try {
    return readMetadata(value, node)
  } catch (error) {
    if (error instanceof ResourceError) return error
    throw error
  }
}

function metaProblems(value: unknown, path: string, { root, surround }: Around): Findings {
  const say = (why: string): Findings => [invalidValue(path, inKeyOrder(value), `must result in valid metadata: ${why}`)]
  const node = { ...root, 'x-kubernetes-embedded-resource': true }
  const read = metadataOf(surround(value), node)
  if (read instanceof ResourceError) {
    const { field, value: wrong, detail } = read
    return say(`${field}: ${invalidValue(field, inKeyOrder(wrong), detail).message}`)
  }
  const found = foundBy((all) => validateResources(read, node, '', all))
  return found.length === 0 ? [] : say(aggregate(found))
}

function aggregate(found: Findings): string {
  const texts = [...new Set(found.map(({ field, message }) => `${field}: ${message}`))]
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`
}

/** A default is there before and after an update, and comes to be where nothing was. */
function ruledDefault(value: unknown, schema: Structural, path: string): FieldError[] {
  const run = (former: { readonly value: unknown } | undefined): FieldError[] =>
    loadedRules().runRules(value, schema, { path, former, isRoot: false, ratchets: false }).problems
  const kept = run({ value })
  return kept.length > 0 ? kept : run(undefined)
}
