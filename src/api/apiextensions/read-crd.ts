import { conform, isObject, type Structure, StructureError } from '#meta'
import { schemaOf } from '../schemas.ts'

const DEFINITION = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition'
const SCHEMA = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'

type Node = Record<string, unknown>

/** Reads a definition. Where a schema may also be a list or a boolean, the published types say nothing of what is inside; here they do. */
export function readCRD(document: unknown): Structure {
  const { value, unknown } = conform(document, schemaOf(DEFINITION))
  const found = [...unknown]
  const versions = (value as { spec?: { versions?: { schema?: { openAPIV3Schema?: Node } }[] } }).spec?.versions ?? []
  for (const [index, version] of versions.entries()) {
    const root = version.schema?.openAPIV3Schema
    if (root !== undefined) readNested(root, `spec.versions[${index}].schema.openAPIV3Schema`, found)
  }
  return { value, unknown: found }
}

/** Completes a node in place. */
function readNested(node: Node, path: string, unknown: string[]): void {
  const descend = (child: unknown, own: string): void => {
    if (isObject(child)) readNested(child, own, unknown)
  }
  for (const field of ['items', 'additionalProperties'] as const) {
    const child = node[field]
    if (child === undefined || (field === 'items' ? Array.isArray(child) : typeof child === 'boolean')) continue
    if (!isObject(child)) {
      throw new StructureError(
        `json: cannot unmarshal ${typeof child} into Go struct field JSONSchemaProps.${path}.${field} of type v1.JSONSchemaProps`,
      )
    }
    const read = conform(child, schemaOf(SCHEMA))
    for (const each of read.unknown) unknown.push(`${path}.${field}.${each}`)
    node[field] = read.value
    descend(read.value, `${path}.${field}`)
  }
  for (const [name, child] of Object.entries((node['properties'] ?? {}) as Node)) descend(child, `${path}.properties[${name}]`)
  for (const junctor of ['allOf', 'anyOf', 'oneOf'])
    for (const [index, child] of ((node[junctor] ?? []) as unknown[]).entries()) descend(child, `${path}.${junctor}[${index}]`)
  descend(node['not'], `${path}.not`)
}
