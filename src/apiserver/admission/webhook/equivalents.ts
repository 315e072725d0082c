import type { ResourceDefinition } from '#api'
import type { ResourceCatalog } from '../../catalog.ts'
import { storagePrefix } from '../../storage-keys.ts'

const known = new WeakMap<readonly ResourceDefinition[], Map<ResourceDefinition, readonly ResourceDefinition[]>>()

/** Other groups and versions under which the same objects are served. */
export function equivalentsOf(resource: ResourceDefinition, catalog: ResourceCatalog): readonly ResourceDefinition[] {
  if (!resource.stored) return []
  const { all } = catalog
  let memo = known.get(all)
  if (memo === undefined) known.set(all, (memo = new Map()))
  let found = memo.get(resource)
  if (found === undefined) {
    const prefix = storagePrefix(resource)
    found = all.filter((each) => each !== resource && each.stored && storagePrefix(each) === prefix)
    memo.set(resource, found)
  }
  return found
}
