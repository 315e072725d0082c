import type { ResourceDefinition } from '#api'
import {
  badRequest,
  type FieldSelector,
  type KubernetesObject,
  matches,
  matchesFields,
  parseFieldSelector,
  parseSelector,
  type Selector,
} from '#meta'

/** Which objects a list, watch or deletecollection is about. */
export interface Selection {
  readonly everything: boolean
  selects(object: KubernetesObject): boolean
}

/** Reads `labelSelector` and `fieldSelector`; 400 for what can't be parsed or a field that the kind does not select by. */
export function selectionOf(resource: ResourceDefinition, query: URLSearchParams, name: string): Selection {
  const labels = parse('labelSelector', query, parseSelector) ?? []
  const fields = [
    ...(parse('fieldSelector', query, parseFieldSelector) ?? []),
    ...(name === '' ? [] : [{ path: 'metadata.name', negated: false, value: name }]),
  ]
  checkFields(resource, fields)
  return {
    everything: labels.length === 0 && fields.length === 0,
    selects: (object) =>
      matches(labels as Selector, object.metadata?.labels) && matchesFields(fields, (path) => fieldOf(resource, object, path)),
  }
}

function parse<T>(parameter: string, query: URLSearchParams, read: (text: string) => T): T | undefined {
  const text = query.get(parameter)
  if (!text) return undefined
  try {
    return read(text)
  } catch (error) {
    throw badRequest(`unable to parse requirement: ${(error as Error).message}`, error)
  }
}

function checkFields(resource: ResourceDefinition, fields: FieldSelector): void {
  for (const { path } of fields) {
    if (path === 'metadata.name' || (path === 'metadata.namespace' && resource.scope === 'Namespaced')) continue
    if (!Object.hasOwn(resource.selectableFields, path)) throw badRequest(`field label not supported: ${path}`)
  }
}

function fieldOf(resource: ResourceDefinition, object: KubernetesObject, path: string): string | undefined {
  if (path === 'metadata.name') return object.metadata?.name
  if (path === 'metadata.namespace') return object.metadata?.namespace
  return resource.selectableFields[path]!(object)
}
