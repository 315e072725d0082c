import type { JSONSchemaProps } from '../../generated/types.ts'
import type { Structural } from './structural.ts'

const isFilled = (map: object | undefined): boolean => map !== undefined && Object.keys(map).length > 0

/** Words of JSON Schema that a structural schema can't hold at all; undefined: none is in it. */
export function unreadable(node: Structural): string | undefined {
  const own = wordsOf(node)
  if (own !== undefined) return own
  const { not, allOf = [], anyOf = [], oneOf = [], additionalProperties, items, properties = {} } = node
  const junctors = firstOf([not, ...allOf, ...anyOf, ...oneOf])
  if (junctors !== undefined) return junctors
  if (node['x-kubernetes-preserve-unknown-fields'] === false)
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
  if (Array.isArray(items) && items.length > 0) return "OpenAPIV3Schema 'items' must be a schema, but is an array"
  return firstOf([items, ...Object.values(properties), additionalProperties])
}

function firstOf(nodes: readonly (Structural | boolean | undefined)[]): string | undefined {
  for (const node of nodes) {
    const found = typeof node === 'object' && !Array.isArray(node) ? unreadable(node) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

function wordsOf({ id, $schema, $ref, ...rest }: JSONSchemaProps | Structural): string | undefined {
  const words: readonly (readonly [word: string, isSet: boolean])[] = [
    ['id', Boolean(id)],
    ['schema', Boolean($schema)],
    ['$ref', Boolean($ref)],
    ['patternProperties', isFilled(rest.patternProperties)],
    ['dependencies', isFilled(rest.dependencies)],
    ['additionalItems', rest.additionalItems !== undefined],
    ['definitions', isFilled(rest.definitions)],
  ]
  const found = words.find(([, isSet]) => isSet)
  return found && `OpenAPIV3Schema '${found[0]}' is not supported`
}
