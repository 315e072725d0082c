import type { ResourceDefinition } from '#api'
import {
  apiVersionOf,
  badRequest,
  type FieldSelector,
  type KubernetesObject,
  matches,
  matchesFields,
  parseFieldSelector,
  parseSelector,
  type Selector,
} from '#meta'
import { isBuiltInGroup } from '../storage-keys.ts'

/** Which objects a list, watch or deletecollection is about. */
export interface Selection {
  /** Selections of one stored resource with the same key select the same. */
  readonly key: string
  /** No selector at all. */
  readonly everything: boolean
  /** The only name and namespace that can be selected; '' where any can. */
  readonly name: string
  readonly namespace: string
  /** A field beyond metadata of which one value alone can be selected. */
  readonly pin?: { readonly field: string; readonly value: string; read(object: KubernetesObject): string } | undefined
  selects(object: KubernetesObject): boolean
}

const NAME = 'metadata.name'
const NAMESPACE = 'metadata.namespace'

/** `labelSelector` and `fieldSelector`, read. */
export interface Selectors {
  readonly labels: Selector
  readonly fields: FieldSelector
}

/** 400 for what can't be parsed. */
export const selectorsOf = (query: URLSearchParams): Selectors => ({
  labels: parse('labelSelector', query, parseSelector) ?? [],
  fields: parse('fieldSelector', query, parseFieldSelector) ?? [],
})

/**
 * What selectors, and the name that the path of an old watch holds, select. 400 for a field that the kind does not select by, or a field selector that contradicts
 * the path (https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/).
 */
export function selectionOf(resource: ResourceDefinition, { labels, fields }: Selectors, name: string): Selection {
  for (const { path } of fields) checkField(resource, path)
  if (name !== '' && fields.length > 0 && exactly(fields, NAME) !== name) {
    throw badRequest("fieldSelector metadata.name doesn't match requested name")
  }
  const all = name === '' || fields.length > 0 ? fields : [{ path: NAME, negated: false, value: name }]
  const pinned = all.find(({ path, negated }) => !negated && !path.startsWith('metadata.'))
  const everything = labels.length === 0 && all.length === 0
  return {
    key: everything ? '' : JSON.stringify([apiVersionOf(resource), labels, all]),
    everything,
    name: exactly(all, NAME),
    namespace: exactly(all, NAMESPACE),
    pin: pinned && {
      field: `${apiVersionOf(resource)} ${pinned.path}`,
      value: pinned.value,
      read: (object) => fieldOf(resource, object, pinned.path) ?? '',
    },
    selects: everything
      ? () => true
      : (object) => matches(labels, object.metadata?.labels) && matchesFields(all, (path) => fieldOf(resource, object, path)),
  }
}

const exactly = (fields: FieldSelector, path: string): string =>
  fields.find((field) => field.path === path && !field.negated)?.value ?? ''

function parse<T>(parameter: string, query: URLSearchParams, read: (text: string) => T): T | undefined {
  const text = query.get(parameter)
  if (!text) return undefined
  try {
    return read(text)
  } catch (error) {
    throw badRequest((error as Error).message, error)
  }
}

function checkField(resource: ResourceDefinition, path: string): void {
  if (path === NAME || (path === NAMESPACE && resource.scope === 'Namespaced')) return
  if (Object.hasOwn(resource.selectableFields, path)) return
  // Kinds of upstream's own without fields of theirs share one rule, which knows no scope.
  if (isBuiltInGroup(resource.group) && Object.keys(resource.selectableFields).length === 0) {
    if (path === NAMESPACE) return
    throw badRequest(`"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`)
  }
  if (resource.kind === 'Job') throw badRequest(`field label "${path}" not supported for Job`)
  throw badRequest(`field label not supported: ${path}`)
}

function fieldOf(resource: ResourceDefinition, object: KubernetesObject, path: string): string | undefined {
  if (path === NAME) return object.metadata?.name
  if (path === NAMESPACE) return object.metadata?.namespace
  return resource.selectableFields[path]!(resource.storage?.fromStored(object) ?? object)
}
