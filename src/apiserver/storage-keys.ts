import type { ResourceDefinition } from '#api'
import { type ObjectKey, objectKey } from '#meta'

/** Where upstream's layout in etcd differs from the plural. */
const PREFIXES: Readonly<Record<string, string>> = {
  nodes: 'minions',
  services: 'services/specs',
  endpoints: 'services/endpoints',
  replicationcontrollers: 'controllers',
  podtemplates: 'podtemplates',
  ingresses: 'ingress',
}

/** Groups whose plural alone would clash or that upstream stores below their group's name. */
const GROUPED = new Set(['apiregistration.k8s.io', 'apiextensions.k8s.io'])

/** `/registry/pods/`, always with the closing slash, so that no prefix holds another resource's keys. */
export function storagePrefix(resource: ResourceDefinition): string {
  let prefix = prefixes.get(resource)
  if (prefix === undefined) prefixes.set(resource, (prefix = prefixOf(resource)))
  return prefix
}

/** Asked for several times in every request. */
const prefixes = new WeakMap<ResourceDefinition, string>()

function prefixOf(resource: ResourceDefinition): string {
  const { plural } = resource.names
  if (resource.group === 'events.k8s.io') return '/registry/events/'
  if (resource.custom !== undefined || GROUPED.has(resource.group) || !isBuiltInGroup(resource.group))
    return `/registry/${resource.group}/${plural}/`
  return `/registry/${PREFIXES[plural] ?? plural}/`
}

/** Groups without a dot, and upstream's own. */
const BUILT_IN_GROUP = /^([a-z]*|[a-z.]+\.k8s\.io)$/

export const isBuiltInGroup = (group: string): boolean => BUILT_IN_GROUP.test(group)

export const storageKey = (resource: ResourceDefinition, namespace: string | undefined, name: string): string =>
  storagePrefix(resource) + objectKey(resource.scope === 'Namespaced' ? namespace : undefined, name)

/** The object's key within its resource. */
export const keyWithin = (prefix: string, storageKey: string): ObjectKey => storageKey.slice(prefix.length)
