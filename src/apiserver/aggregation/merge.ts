import { isObject } from '#meta'
import { byPriority, groupPriority } from '../group-priorities.ts'
import { isAvailable, type RemoteService } from './remote.ts'

type Json = Record<string, unknown>

interface GroupEntry {
  readonly name: string
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[]
  readonly preferredVersion: { readonly groupVersion: string; readonly version: string }
}

/** Group-versions of other servers by group, each group's versions by falling priority. */
const byGroup = (services: readonly RemoteService[]): Map<string, RemoteService[]> =>
  Map.groupBy(services, ({ spec }) => spec.group)

function entryOf(group: string, services: readonly RemoteService[], local: GroupEntry | undefined): GroupEntry {
  const remote = services.map(({ spec }) => ({ groupVersion: `${group}/${spec.version}`, version: spec.version }))
  const own = (local?.versions ?? []).filter(({ version }) => !remote.some((each) => each.version === version))
  const versions = [...own, ...remote]
  return { name: group, versions, preferredVersion: local?.preferredVersion ?? versions[0]! }
}

/** Of a group that several servers serve the highest counts. */
const priorityAmong =
  (services: readonly RemoteService[]) =>
  (group: string): number =>
    Math.max(
      groupPriority(group),
      ...services.filter(({ spec }) => spec.group === group).map(({ spec }) => spec.groupPriorityMinimum),
    )

/** `GET /apis` with the groups of other servers, whether they answer or not: who needs to know all that there is must learn that something is missing. */
export function mergeGroupList(list: Json, services: readonly RemoteService[]): Json {
  const groups = list['groups'] as GroupEntry[]
  const remote = byGroup(services)
  const merged = groups.map((entry) => {
    const own = remote.get(entry.name)
    remote.delete(entry.name)
    return own === undefined ? entry : entryOf(entry.name, own, entry)
  })
  const all = [...merged, ...[...remote].map(([group, own]) => entryOf(group, own, undefined))]
  return { ...list, groups: all.sort(byPriority(({ name }) => name, priorityAmong(services))) }
}

/** `GET /apis/GROUP`; undefined when nobody serves it. */
export function mergeGroup(group: string, local: Json | undefined, services: readonly RemoteService[]): Json | undefined {
  const own = services.filter(({ spec }) => spec.group === group)
  if (own.length === 0) return local
  return { kind: 'APIGroup', apiVersion: 'v1', ...entryOf(group, own, local as GroupEntry | undefined) }
}

/** The aggregated document with the groups of other servers: as they last said, which is stale while they do not answer. */
export function mergeAggregated(
  document: Json,
  services: readonly RemoteService[],
  resourcesOf: (name: string) => unknown,
): Json {
  const items = document['items'] as { metadata: { name: string }; versions: Json[] }[]
  const remote = byGroup(services)
  const versionOf = (service: RemoteService): Json => ({
    version: service.spec.version,
    resources: aggregatedResources(resourcesOf(service.metadata!.name!), service),
    freshness: isAvailable(service) ? 'Current' : 'Stale',
  })
  const merged = items.map((item) => {
    const own = remote.get(item.metadata.name) ?? []
    remote.delete(item.metadata.name)
    return own.length === 0 ? item : { ...item, versions: [...item.versions, ...own.map(versionOf)] }
  })
  const others = [...remote].map(([name, own]) => ({
    metadata: { name },
    versions: own.map(versionOf),
  }))
  const all = [...merged, ...others]
  return { ...document, items: all.sort(byPriority(({ metadata }) => metadata.name, priorityAmong(services))) }
}

interface ListedResource {
  readonly name: string
  readonly singularName?: string
  readonly namespaced?: boolean
  readonly group?: string
  readonly version?: string
  readonly kind: string
  readonly verbs?: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
}

/** An APIResourceList in the words of the aggregated document. */
function aggregatedResources(list: unknown, { spec }: RemoteService): Json[] {
  if (!isObject(list) || !Array.isArray(list['resources'])) return []
  const listed = list['resources'] as ListedResource[]
  const kindOf = ({ group, version, kind }: ListedResource): Json => ({
    group: group || spec.group,
    version: version || spec.version,
    kind,
  })
  return listed
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const subresources = listed
        .filter(({ name }) => name.startsWith(`${resource.name}/`))
        .map((each) => ({
          subresource: each.name.slice(resource.name.length + 1),
          responseKind: kindOf(each),
          verbs: each.verbs ?? [],
        }))
      return {
        resource: resource.name,
        responseKind: kindOf(resource),
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singularName ?? '',
        verbs: resource.verbs ?? [],
        ...(resource.shortNames?.length && { shortNames: resource.shortNames }),
        ...(resource.categories?.length && { categories: resource.categories }),
        ...(subresources.length > 0 && { subresources }),
      }
    })
}
