import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret } from '#api'
import { fieldValue, resourceValue } from '../containers/field-path.ts'
import { type VolumeFile, writeAtomically } from './atomic-directory.ts'
import { trustAnchors } from './trust-anchors.ts'
import { type MountedVolume, type VolumeContext, VolumeError, type VolumeType } from './volume.ts'

type Files = Map<string, VolumeFile>

export const configMapVolume: VolumeType = {
  field: 'configMap',
  plugin: 'kubernetes.io~configmap',
  async prepare({ configMap: source }, context) {
    const { name = '', items, optional, defaultMode } = source!
    const files = configMapFiles(await context.configMap(name), { name, items, optional, mode: defaultMode ?? 0o644 }, context)
    return write(files, context)
  },
}

export const secretVolume: VolumeType = {
  field: 'secret',
  plugin: 'kubernetes.io~secret',
  async prepare({ secret: source }, context) {
    // In memory: what is secret touches no disk.
    await context.mountTmpfs(context.directory, {})
    const { secretName: name = '', items, optional, defaultMode } = source!
    const files = secretFiles(await context.secret(name), { name, items, optional, mode: defaultMode ?? 0o644 }, context)
    return write(files, context)
  },
}

export const downwardVolume: VolumeType = {
  field: 'downwardAPI',
  plugin: 'kubernetes.io~downward-api',
  async prepare({ downwardAPI: source }, context) {
    await context.mountTmpfs(context.directory, {})
    return write(downwardFiles(source?.items ?? [], source?.defaultMode ?? 0o644, context), context)
  },
}

export const projectedVolume: VolumeType = {
  field: 'projected',
  plugin: 'kubernetes.io~projected',
  async prepare({ projected: source }, context) {
    await context.mountTmpfs(context.directory, {})
    const mode = source?.defaultMode ?? 0o644
    // Where one user or a group is known to read it, nobody else may.
    const user = sharedUser(context.pod)
    const isPrivate = user !== undefined || context.pod.spec?.securityContext?.fsGroup !== undefined
    const files: Files = new Map()
    const add = (more: Files): void => {
      for (const [path, file] of more) files.set(path, file)
    }
    for (const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle } of source?.sources ?? []) {
      if (configMap !== undefined)
        add(
          configMapFiles(
            await context.configMap(configMap.name ?? ''),
            { ...configMap, name: configMap.name ?? '', mode },
            context,
          ),
        )
      if (secret !== undefined)
        add(secretFiles(await context.secret(secret.name ?? ''), { ...secret, name: secret.name ?? '', mode }, context))
      if (downwardAPI !== undefined) add(downwardFiles(downwardAPI.items ?? [], mode, context))
      if (serviceAccountToken !== undefined) {
        const { path, audience, expirationSeconds = 3600 } = serviceAccountToken
        const token = Buffer.from(await context.token(audience, expirationSeconds))
        files.set(checkedPath(path), { content: token, mode: isPrivate ? 0o600 : mode, user })
      }
      if (clusterTrustBundle !== undefined) {
        const content = trustAnchors(clusterTrustBundle, await context.trustBundles())
        files.set(checkedPath(clusterTrustBundle.path), { content, mode: isPrivate ? 0o600 : mode, user })
      }
    }
    return write(files, context)
  },
}

interface Source {
  readonly name: string
  readonly items?: readonly KeyToPath[] | undefined
  readonly optional?: boolean | undefined
  readonly mode: number
}

function configMapFiles(found: ConfigMap | undefined, source: Source, { pod }: VolumeContext): Files {
  if (found === undefined) return absent('configmap', source, pod)
  const values = new Map<string, Uint8Array>()
  for (const [key, text] of Object.entries(found.data ?? {})) values.set(key, Buffer.from(text))
  for (const [key, data] of Object.entries(found.binaryData ?? {})) values.set(key, Buffer.from(data, 'base64'))
  return select(values, source, 'config')
}

function secretFiles(found: Secret | undefined, source: Source, { pod }: VolumeContext): Files {
  if (found === undefined) return absent('secret', source, pod)
  return select(
    new Map(Object.entries(found.data ?? {}).map(([key, data]) => [key, Buffer.from(data, 'base64')])),
    source,
    'secret',
  )
}

function absent(kind: string, { name, optional }: Source, _pod: Pod): Files {
  if (optional) return new Map()
  throw new VolumeError(`${kind} ${JSON.stringify(name)} not found`)
}

function select(values: ReadonlyMap<string, Uint8Array>, { items, optional, mode }: Source, kind: string): Files {
  if (!items?.length) return new Map([...values].map(([key, content]) => [checkedPath(key), { content, mode }]))
  const files: Files = new Map()
  for (const item of items) {
    const content = values.get(item.key)
    if (content !== undefined) files.set(checkedPath(item.path), { content, mode: item.mode ?? mode })
    else if (!optional) throw new VolumeError(`references non-existent ${kind} key: ${item.key}`)
  }
  return files
}

function downwardFiles(items: readonly DownwardAPIVolumeFile[], mode: number, { pod, facts }: VolumeContext): Files {
  const files: Files = new Map()
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const container = resourceFieldRef && pod.spec?.containers.find(({ name }) => name === resourceFieldRef.containerName)
    const value = fieldRef
      ? fieldValue(pod, fieldRef.fieldPath, facts)
      : resourceFieldRef && resourceValue(pod, container, resourceFieldRef.resource, resourceFieldRef.divisor, facts.node)
    if (value === undefined) throw new VolumeError(`unsupported field ${fieldRef?.fieldPath ?? resourceFieldRef?.resource}`)
    files.set(checkedPath(path), { content: Buffer.from(value), mode: own ?? mode })
  }
  return files
}

/** Validation refuses such paths; here they would be written by root, so they are checked again. */
function checkedPath(path: string): string {
  if (path === '' || path.startsWith('/') || path.split('/').some((part) => part === '..' || part === ''))
    throw new VolumeError(`invalid path ${JSON.stringify(path)}`)
  return path
}

/** The user that all containers of the pod run as, if the pod says so. */
function sharedUser({ spec }: Pod): number | undefined {
  const users = new Set(
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(
      ({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser,
    ),
  )
  return users.size === 1 ? [...users][0] : undefined
}

async function write(files: Files, { directory, clock, pod }: VolumeContext): Promise<MountedVolume> {
  const group = pod.spec?.securityContext?.fsGroup
  const stamp = new Date(clock.now())
    .toISOString()
    .replace(/[-:T.]/g, '_')
    .slice(0, 23)
  // A group that owns the volume can read all of it.
  const owned =
    group === undefined ? files : new Map([...files].map(([path, file]) => [path, { ...file, mode: file.mode | 0o440 }]))
  writeAtomically(directory, owned, stamp, group)
  return { path: directory, readOnly: true }
}
