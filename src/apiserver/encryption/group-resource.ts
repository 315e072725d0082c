import { allResources } from '#api'
import { storagePrefix } from '../storage-keys.ts'

export interface GroupResource {
  readonly group: string
  readonly resource: string
}

/** `deployments.apps`, `secrets`, `*.` (everything of the core group). */
export function groupResourceOf(text: string): GroupResource {
  const dot = text.indexOf('.')
  return dot === -1 ? { group: '', resource: text } : { group: text.slice(dot + 1), resource: text.slice(0, dot) }
}

/** As configuration files name it. */
export const groupResourceName = ({ group, resource }: GroupResource): string =>
  group === '' && resource !== '*' ? resource : `${resource}.${group}`

/** What upstream stores beside the kinds, and what it calls that when it looks for a provider. */
const WITHOUT_API: Readonly<Record<string, string>> = {
  '/registry/ranges/serviceips': 'serviceipallocations',
  '/registry/ranges/servicenodeports': 'servicenodeportallocations',
  '/registry/masterleases/': 'apiServerIPInfo',
}

const ROOT_LENGTH = '/registry/'.length

/** Below which prefix of the store which resource is; the first of several kinds that share one is whose name counts. */
const byPrefix = new Map<string, GroupResource>()

/** Whose object a key of the store holds. */
export function ownerOfKey(key: string): GroupResource | undefined {
  if (byPrefix.size === 0) {
    for (const [prefix, resource] of Object.entries(WITHOUT_API)) byPrefix.set(prefix, { group: '', resource })
    for (const each of allResources) {
      const prefix = storagePrefix(each)
      if (each.stored && !byPrefix.has(prefix)) byPrefix.set(prefix, { group: each.group, resource: each.names.plural })
    }
  }
  const first = key.indexOf('/', ROOT_LENGTH) + 1
  const second = first === 0 ? 0 : key.indexOf('/', first) + 1
  const known = byPrefix.get(key) ?? byPrefix.get(key.slice(0, second)) ?? byPrefix.get(key.slice(0, first))
  if (known !== undefined) return known
  // Custom resources are stored below their group: `/registry/example.com/widgets/`.
  return second === 0 ? undefined : { group: key.slice(ROOT_LENGTH, first - 1), resource: key.slice(first, second - 1) }
}
