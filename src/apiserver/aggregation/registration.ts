import { type APIService, apiServices } from '#api'
import { deepEqual } from '#base'
import type { Client } from '#client'
import { compareVersions, isAlreadyExists, isConflict, isNotFound } from '#meta'
import type { ResourceCatalog } from '../catalog.ts'
import { groupPriority } from '../group-priorities.ts'

const MANAGED = 'kube-aggregator.kubernetes.io/automanaged'

const CUSTOM_VERSION_PRIORITY = 100

/** The aggregation layer's own group is the one it does not list. */
const OWN_GROUP = 'apiregistration.k8s.io'

/** The APIServices of what this server itself serves: those of built-in groups, and one for each version of a custom group. */
export function localServices(catalog: ResourceCatalog): Map<string, APIService> {
  const services = new Map<string, APIService>()
  for (const { group, version, custom } of catalog.all) {
    if (group === OWN_GROUP) continue
    const name = `${version}.${group}`
    if (services.has(name)) continue
    services.set(name, {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name, labels: { [MANAGED]: custom === undefined ? 'onstart' : 'true' } },
      spec: {
        group,
        version,
        groupPriorityMinimum: groupPriority(group),
        versionPriority: custom === undefined ? versionPriority(catalog, group, version) : CUSTOM_VERSION_PRIORITY,
      },
    })
  }
  return services
}

/** 1 for the only version, more for one that is preferred to others. */
function versionPriority(catalog: ResourceCatalog, group: string, version: string): number {
  if (group === '') return 1
  const versions = [...new Set(catalog.all.filter((each) => each.group === group).map((each) => each.version))]
  return 15 * (versions.length - versions.sort(compareVersions).indexOf(version))
}

/**
 * Brings the managed APIServices in line with what is served: those of built-in groups are made when they are missing, those of custom groups come and go.
 * When the server starts, those of built-in groups that it does not serve go as well. What somebody has taken into his own hands, by removing the label, stays
 * as it is.
 */
export async function registerLocal(
  client: Client,
  wanted: ReadonlyMap<string, APIService>,
  present: readonly APIService[],
  { isFirst }: { readonly isFirst: boolean },
): Promise<void> {
  const isOurs = (managed: string | undefined): boolean => managed === 'true' || (isFirst && managed === 'onstart')
  const known = new Map(present.map((service) => [service.metadata?.name ?? '', service]))
  const created = [...wanted].map(async ([name, service]) => {
    const current = known.get(name)
    if (current === undefined) await create(client, service)
    else if (current.metadata?.labels?.[MANAGED] !== undefined) await restore(client, current, service)
  })
  const removed = present
    .filter(({ metadata }) => isOurs(metadata?.labels?.[MANAGED]) && !wanted.has(metadata?.name ?? ''))
    .map((service) => remove(client, service))
  await Promise.all([...created, ...removed])
}

async function create(client: Client, service: APIService): Promise<void> {
  try {
    await client.create(apiServices, service)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

async function restore(client: Client, current: APIService, wanted: APIService): Promise<void> {
  if (deepEqual(current.spec, wanted.spec)) return
  try {
    await client.update(apiServices, { ...current, spec: wanted.spec! })
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error
  }
}

async function remove(client: Client, { metadata }: APIService): Promise<void> {
  try {
    await client.delete(apiServices, metadata!.name!, { preconditions: { uid: metadata!.uid! } })
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error
  }
}
