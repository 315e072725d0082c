import { createHash } from 'node:crypto'
import type { ResourceDefinition, SubresourceDefinition, Verb } from '#api'
import { apiVersionOf, compareVersions } from '#meta'
import type { ResourceCatalog } from './catalog.ts'
import { byPriority } from './group-priorities.ts'

interface GroupVersions {
  readonly group: string
  /** Preferred first. */
  readonly versions: readonly string[]
}

/** Groups by their priority; within a group newer versions first. */
export function groupsOf(catalog: ResourceCatalog): GroupVersions[] {
  const groups = new Map<string, Set<string>>()
  for (const { group, version } of catalog.all) {
    const versions = groups.get(group) ?? new Set()
    groups.set(group, versions.add(version))
  }
  return [...groups]
    .map(([group, versions]) => ({ group, versions: [...versions].sort(compareVersions) }))
    .sort(byPriority(({ group }) => group))
}

/** `GET /api`. */
export const legacyVersions = (serverAddress: string): unknown => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
})

/** `GET /apis`. */
export const groupList = (catalog: ResourceCatalog): unknown => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: groupsOf(catalog)
    .filter(({ group }) => group !== '')
    .map(groupEntry),
})

/** `GET /apis/GROUP`; undefined when nothing of the group is served. */
export function apiGroup(catalog: ResourceCatalog, name: string): unknown {
  const found = groupsOf(catalog).find(({ group }) => group === name && group !== '')
  return found && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found) }
}

function groupEntry({ group, versions }: GroupVersions) {
  const entries = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }))
  return { name: group, versions: entries, preferredVersion: entries[0]! }
}

/** `GET /api/v1`, `GET /apis/GROUP/VERSION`. */
export function resourceList(catalog: ResourceCatalog, group: string, version: string): unknown {
  const resources = catalog.all.filter((each) => each.group === group && each.version === version)
  if (resources.length === 0) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources: resources.flatMap(resourceEntries),
  }
}

function resourceEntries(resource: ResourceDefinition): unknown[] {
  const { names, scope, kind } = resource
  const namespaced = scope === 'Namespaced'
  const own = {
    name: names.plural,
    singularName: names.singular,
    namespaced,
    kind,
    verbs: shownVerbs(resource),
    ...(names.shortNames.length > 0 && { shortNames: names.shortNames }),
    ...(names.categories.length > 0 && { categories: names.categories }),
    ...(resource.stored && { storageVersionHash: storageVersionHash(resource) }),
  }
  const subresources = subresourcesOf(resource).map(({ name, definition }) => ({
    name: `${names.plural}/${name}`,
    singularName: '',
    namespaced,
    ...(definition.group !== undefined && { group: definition.group }),
    ...((definition.version !== undefined || definition.group !== undefined) && {
      version: definition.version ?? resource.version,
    }),
    kind: definition.kind,
    verbs: [...definition.verbs].sort(),
  }))
  return [own, ...subresources]
}

/** Those of custom kinds in upstream's own order. */
const CUSTOM_VERBS: readonly Verb[] = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch']

/** Of a custom kind that goes, objects can only be read and deleted, as clients are to see it. */
function shownVerbs({ verbs, custom }: ResourceDefinition): Verb[] {
  if (custom === undefined) return [...verbs].sort()
  const isShown = (verb: Verb): boolean => !custom.isTerminating || !['create', 'update', 'patch'].includes(verb)
  return CUSTOM_VERBS.filter((verb) => verbs.includes(verb) && isShown(verb))
}

/** By which clients see that objects are stored in another version than before. */
function storageVersionHash(resource: ResourceDefinition): string {
  const { group, version, kind } = {
    ...resource,
    ...resource.storage,
    ...(resource.storedAs && { version: resource.storedAs.version }),
    ...(resource.custom && { version: resource.custom.storedVersion }),
  }
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, HASH_BYTES).toString('base64')
}

const HASH_BYTES = 8

interface NamedSubresource {
  readonly name: string
  readonly definition: Omit<SubresourceDefinition, 'connect' | 'pathSuffix'>
}

function subresourcesOf({ kind, subresources, custom }: ResourceDefinition): NamedSubresource[] {
  const verbs = ['get', 'patch', 'update'] as const
  const found: NamedSubresource[] = Object.entries(subresources.others).map(([name, definition]) => ({ name, definition }))
  if (subresources.scale !== undefined)
    found.push({ name: 'scale', definition: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs } })
  if (subresources.status) found.push({ name: 'status', definition: { kind, verbs } })
  found.sort((a, b) => (a.name < b.name ? -1 : 1))
  // Those of custom kinds come in upstream's own order, the status first.
  return custom === undefined ? found : found.reverse()
}

/** The whole of `/api` or `/apis` in one document (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery). */
export function aggregatedDiscovery(catalog: ResourceCatalog, legacy: boolean, version: 'v2' | 'v2beta1'): object {
  const groups = groupsOf(catalog).filter(({ group }) => (group === '') === legacy)
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group },
      versions: versions.map((each) => ({
        version: each,
        resources: catalog.all
          .filter((resource) => resource.group === group && resource.version === each)
          .map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
  }
}

function aggregatedResource(resource: ResourceDefinition): unknown {
  const { names, kind, group, version, scope } = resource
  return {
    resource: names.plural,
    responseKind: { group, version, kind },
    scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    singularResource: names.singular,
    verbs: shownVerbs(resource),
    ...(names.shortNames.length > 0 && { shortNames: names.shortNames }),
    ...(names.categories.length > 0 && { categories: names.categories }),
    subresources: subresourcesOf(resource).map(({ name, definition }) => ({
      subresource: name,
      responseKind: { group: definition.group ?? group, version: definition.version ?? version, kind: definition.kind },
      verbs: [...definition.verbs].sort(),
    })),
  }
}
