import type { ResourceDefinition } from '#api'
import { apiVersionOf, type ObjectKey, splitKey } from '#meta'

/** `/api/v1/namespaces/NS/pods` or `/apis/apps/v1/deployments`. */
export function collectionPath(resource: ResourceDefinition, namespace: string | undefined): string {
  const root = resource.group === '' ? '/api' : '/apis'
  const scope = namespace && resource.scope === 'Namespaced' ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}/${apiVersionOf(resource)}${scope}/${resource.names.plural}`
}

export function objectPath(resource: ResourceDefinition, key: ObjectKey, subresource?: string): string {
  const { namespace, name } = splitKey(key)
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`
  return subresource ? `${path}/${subresource}` : path
}
