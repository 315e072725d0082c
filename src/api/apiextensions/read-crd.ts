import { conform, isObject, type Oddities, type Structure, StructureError } from '#meta'
import { schemaOf } from '../schemas.ts'
import { noteEmpties } from './schema/empties.ts'

const DEFINITION = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition'
const SCHEMA = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'

type Node = Record<string, unknown>

/** Reads a definition. Where a schema may also be a list or a boolean, the published types say nothing of what is inside; here they do. */
export function readCRD(document: unknown, oddities?: Oddities): Structure {
  const { value, unknown } = conform(document, schemaOf(DEFINITION), { oddities })
  const versions = versionsOf(value)
  const { spec } = document as Versioned
  if (isObject(spec)) noteEmpties((value as { spec: object }).spec, spec)
  for (const [index, version] of versionsOf(document).entries()) {
    const root = versions[index]?.schema?.openAPIV3Schema
    if (isObject(version)) noteEmpties(versions[index]!, version)
    if (root !== undefined) readNested(root, version.schema!.openAPIV3Schema!)
  }
  return { value, unknown }
}

interface Versioned {
  readonly spec?: { readonly versions?: readonly { readonly schema?: { readonly openAPIV3Schema?: Node } }[] }
}

const versionsOf = (document: unknown) => (document as Versioned).spec?.versions ?? []

/** Completes a node in place, of which `raw` is what was sent. */
function readNested(node: Node, raw: Node): void {
  noteEmpties(node, raw)
  for (const field of ['items', 'additionalProperties', 'additionalItems'] as const) {
    const child = raw[field]
    if (child === undefined || child === null) continue
    const read = field === 'items' ? oneOrMany(child) : oneOrBoolean(child)
    if (read === undefined) delete node[field]
    else node[field] = read
  }
  if (isObject(node['dependencies']) && isObject(raw['dependencies'])) {
    const given = Object.entries(raw['dependencies'])
    node['dependencies'] = Object.fromEntries(given.map(([name, child]) => [name, isObject(child) ? one(child) : child]))
  }
  for (const field of ['properties', 'patternProperties', 'definitions']) {
    const children = node[field]
    if (isObject(children)) for (const name of Object.keys(children)) descend(children[name], (raw[field] as Node)[name])
  }
  for (const junctor of ['allOf', 'anyOf', 'oneOf'])
    for (const [index, child] of ((node[junctor] ?? []) as unknown[]).entries()) descend(child, (raw[junctor] as Node[])[index])
  descend(node['not'], raw['not'])
}

function descend(child: unknown, raw: unknown): void {
  if (isObject(child) && isObject(raw)) readNested(child, raw)
}

/** Fields that a nested schema does not know are left out in silence: strictness ends where a type reads itself. */
function one(raw: Node): Node {
  const read = conform(raw, schemaOf(SCHEMA)).value as Node
  readNested(read, raw)
  return read
}

const oneOrMany = (child: unknown): unknown =>
  Array.isArray(child) ? child.map((each) => (isObject(each) ? one(each) : {})) : isObject(child) ? one(child) : undefined

function oneOrBoolean(child: unknown): unknown {
  if (isObject(child)) return one(child)
  if (typeof child !== 'boolean') throw new StructureError('boolean or JSON schema expected')
  return child
}
