import { allResources, defineResource, type ResourceDefinition, type Verb } from '#api'
import { internalError, isNotFound, isObject, type KubernetesObject, parseApiVersion } from '#meta'
import { objectOf } from './api-client.ts'
import type { Client } from './client.ts'

interface ApiResource {
  readonly name: string
  readonly singularName: string
  readonly namespaced: boolean
  readonly kind: string
  readonly verbs: readonly Verb[]
  readonly shortNames?: readonly string[]
}

export interface Discovered {
  /** One definition per kind, in its group's preferred version. */
  readonly resources: readonly ResourceDefinition<KubernetesObject>[]
  /** Group versions that could not be read (an aggregated API server that is down), with what they said. */
  readonly failures: ReadonlyMap<string, unknown>
}

const builtIn = new Map(allResources.map((resource) => [nameOf(resource), resource]))

/** Every kind the server serves. Known kinds come with their definition, others with what discovery tells of them. */
export async function discoverResources(client: Client, signal: AbortSignal): Promise<Discovered> {
  const failures = new Map<string, unknown>()
  const resources = new Map<string, ResourceDefinition<KubernetesObject>>()
  for (const groupVersion of await groupVersions(client, signal)) {
    try {
      const path = groupVersionPath(groupVersion)
      const list = (await get(client, path, signal)) as { readonly resources?: readonly ApiResource[] }
      for (const found of list.resources ?? []) {
        if (found.name.includes('/')) continue
        const { group, version } = parseApiVersion(groupVersion)
        // Preferred versions come first: a later one of the same kind is the same objects again.
        const identity = `${group}/${found.name}`
        if (!resources.has(identity)) resources.set(identity, definitionOf(group, version, found))
      }
    } catch (error) {
      if (signal.aborted) throw error
      if (!isNotFound(error)) failures.set(groupVersion, error)
    }
  }
  return { resources: [...resources.values()], failures }
}

export interface Scale {
  readonly uid: string
  readonly replicas: number
}

/** What the scale subresource says of an object of any kind; undefined when there is no such object, or its kind has no scale. */
export async function findScale(
  client: Client,
  object: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Scale | undefined> {
  const root = groupVersionPath(object.apiVersion)
  try {
    const { resources = [] } = (await get(client, root, signal)) as { readonly resources?: readonly ApiResource[] }
    const found = resources.find(({ name, kind }) => kind === object.kind && !name.includes('/'))
    if (found === undefined || !resources.some(({ name }) => name === `${found.name}/scale`)) return undefined
    const path = `${root}/namespaces/${object.namespace}/${found.name}/${encodeURIComponent(object.name)}/scale`
    const { metadata, spec } = (await get(client, path, signal)) as KubernetesObject & {
      readonly spec?: { readonly replicas?: number }
    }
    return { uid: metadata?.uid ?? '', replicas: spec?.replicas ?? 0 }
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

async function groupVersions(client: Client, signal: AbortSignal): Promise<string[]> {
  const core = (await get(client, '/api', signal)) as { readonly versions?: readonly string[] }
  const groups = (await get(client, '/apis', signal)) as {
    readonly groups?: readonly {
      readonly preferredVersion?: { readonly groupVersion: string }
      readonly versions: readonly { readonly groupVersion: string }[]
    }[]
  }
  const named = (groups.groups ?? []).flatMap(({ preferredVersion, versions }) => {
    const all = versions.map(({ groupVersion }) => groupVersion)
    return preferredVersion === undefined ? all : [preferredVersion.groupVersion, ...all]
  })
  return [...new Set([...(core.versions ?? []), ...named])]
}

async function get(client: Client, path: string, signal: AbortSignal): Promise<unknown> {
  const { body } = await client.request({ method: 'GET', path, headers: { accept: 'application/json' }, signal })
  const object = await objectOf(body)
  if (!isObject(object)) throw internalError(new Error(`${path}: the server answered with what is no object`))
  return object
}

const groupVersionPath = (groupVersion: string): string =>
  groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`

function definitionOf(group: string, version: string, found: ApiResource): ResourceDefinition<KubernetesObject> {
  const known = builtIn.get(nameOf({ group, version, names: { plural: found.name } }))
  if (known !== undefined) return known
  return defineResource<KubernetesObject>({
    group,
    version,
    kind: found.kind,
    scope: found.namespaced ? 'Namespaced' : 'Cluster',
    names: { plural: found.name, singular: found.singularName, shortNames: found.shortNames ?? [] },
    verbs: found.verbs,
    schema: () => ({ type: 'object', preserveUnknownFields: true }),
  })
}

function nameOf({
  group,
  version,
  names,
}: Pick<ResourceDefinition, 'group' | 'version'> & { readonly names: { readonly plural: string } }): string {
  return `${group}/${version}/${names.plural}`
}
