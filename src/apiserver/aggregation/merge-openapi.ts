import { deepEqual } from '#base'
import { isObject } from '#meta'

type Json = Record<string, unknown>
type Named = Record<string, Json>
type Renames = ReadonlyMap<string, string>

const GVKS = 'x-kubernetes-group-version-kind'
const REFERENCES = { definitions: '#/definitions/', parameters: '#/parameters/' } as const
type Shared = keyof typeof REFERENCES

/**
 * `/openapi/v2` with what another server says of its resources. Where both have a path it is the first one's; definitions and parameters of one name that say different
 * things get different names (`io.k8s.X_v2`), and what only says more kinds gets them all. As k8s.io/kube-openapi/pkg/aggregator merges.
 */
export function mergeOpenApiV2(document: Json, other: Json): Json {
  const known = (document['paths'] ?? {}) as Json
  const paths = Object.entries((other['paths'] ?? {}) as Json).filter(([path]) => path.startsWith('/apis/') && !(path in known))
  if (paths.length === 0) return document
  let source = withPaths(other, Object.fromEntries(paths))
  source = renamed(source, 'definitions', renamesOf(document, source, 'definitions', sameButGvks))
  source = renamed(source, 'parameters', renamesOf(document, source, 'parameters', deepEqual))
  const definitions = { ...namedOf(document, 'definitions') }
  for (const [name, definition] of Object.entries(namedOf(source, 'definitions')))
    definitions[name] = definitions[name] === undefined ? definition : withGvks(definitions[name], definition)
  const parameters = { ...namedOf(source, 'parameters'), ...namedOf(document, 'parameters') }
  return { ...document, paths: { ...(source['paths'] as Json), ...known }, definitions, parameters }
}

const namedOf = (document: Json, shared: Shared): Named => (document[shared] ?? {}) as Named

/** A document of some of its paths, without definitions that only the others refer to. */
function withPaths(document: Json, paths: Json): Json {
  const before = usedDefinitions(document, document['paths'])
  const after = usedDefinitions(document, paths)
  const kept = Object.entries(namedOf(document, 'definitions')).filter(([name]) => after.has(name) || !before.has(name))
  return { ...document, paths, definitions: Object.fromEntries(kept) }
}

/** The definitions that something refers to, directly or by others. */
function usedDefinitions(document: Json, from: unknown): ReadonlySet<string> {
  const seen = new Set<string>()
  const visit = (value: unknown): void => {
    for (const reference of referencesIn(value)) {
      if (seen.has(reference)) continue
      seen.add(reference)
      for (const [shared, prefix] of Object.entries(REFERENCES))
        if (reference.startsWith(prefix)) visit(namedOf(document, shared as Shared)[reference.slice(prefix.length)])
    }
  }
  visit(from)
  const { definitions } = REFERENCES
  return new Set([...seen].filter((each) => each.startsWith(definitions)).map((each) => each.slice(definitions.length)))
}

function* referencesIn(value: unknown): Iterable<string> {
  if (Array.isArray(value)) for (const each of value) yield* referencesIn(each)
  if (!isObject(value)) return
  if (typeof value['$ref'] === 'string') yield value['$ref']
  for (const each of Object.values(value)) if (typeof each === 'object') yield* referencesIn(each)
}

/** New names for what has the name of something else; the one that such a thing has already, if it is there. */
function renamesOf(document: Json, source: Json, shared: Shared, isSame: (a: Json, b: Json) => boolean): Renames {
  const known = namedOf(document, shared)
  const own = namedOf(source, shared)
  const taken = new Set([...Object.keys(known), ...Object.keys(own)])
  const renames = new Map<string, string>()
  for (const [name, value] of Object.entries(own)) {
    if (known[name] === undefined || isSame(known[name], value)) continue
    let count = 2
    while (known[`${name}_v${count}`] !== undefined && !isSame(known[`${name}_v${count}`]!, value)) count++
    while (known[`${name}_v${count}`] === undefined && taken.has(`${name}_v${count}`)) count++
    renames.set(name, `${name}_v${count}`)
    taken.add(`${name}_v${count}`)
  }
  return renames
}

function renamed(document: Json, shared: Shared, renames: Renames): Json {
  if (renames.size === 0) return document
  const prefix = REFERENCES[shared]
  const rewrite = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rewrite)
    if (!isObject(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, key === '$ref' ? reference(each) : rewrite(each)]))
  }
  const reference = (value: unknown): unknown => {
    const name = typeof value === 'string' && value.startsWith(prefix) ? renames.get(value.slice(prefix.length)) : undefined
    return name === undefined ? value : prefix + name
  }
  const all = rewrite(document) as Json
  const own = Object.entries(namedOf(all, shared)).map(([name, value]) => [renames.get(name) ?? name, value])
  return { ...all, [shared]: Object.fromEntries(own) }
}

function sameButGvks({ [GVKS]: _, ...first }: Json, { [GVKS]: __, ...second }: Json): boolean {
  return deepEqual(first, second)
}

interface Gvk {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** A definition that is of the kinds of another one as well. */
function withGvks(definition: Json, other: Json): Json {
  const [own, more] = [definition[GVKS], other[GVKS]] as (readonly Gvk[] | undefined)[]
  if (more === undefined) return definition
  const all = new Map([...(own ?? []), ...more].map((gvk) => [`${gvk.group}/${gvk.version}.${gvk.kind}`, gvk]))
  if (own !== undefined && all.size === own.length) return definition
  if (own === undefined) return { ...definition, [GVKS]: more }
  return { ...definition, [GVKS]: [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, gvk]) => gvk) }
}
