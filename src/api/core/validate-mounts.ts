import type { Container, Volume, VolumeDevice, VolumeMount } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, notFoundValue, required, unsupported } from '../validation/findings.ts'
import { descendingPath } from './validate-path.ts'

/** The pod's volumes that are fit for use, by name. */
export type Volumes = ReadonlyMap<string, Volume>

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible']

/** Where a container finds its volumes: as files, and as block devices. */
export function* validateMounts(container: Container, volumes: Volumes, field: string): Findings {
  const [mounts, devices] = [container.volumeMounts ?? [], container.volumeDevices ?? []]
  const paths = new Set<string>()
  for (const [index, mount] of mounts.entries()) {
    yield* validatePlace(mount, volumes, paths, devices, `${field}.volumeMounts[${index}]`)
    yield* validateSubPath(mount, volumes, `${field}.volumeMounts`, index)
    yield* validatePropagation(mount, container, `${field}.volumeMounts`)
    paths.add(mount.mountPath ?? '')
  }
  yield* validateDevices(devices, mounts, volumes, `${field}.volumeDevices`)
}

function* validatePlace(
  { name = '', mountPath = '' }: VolumeMount,
  volumes: Volumes,
  taken: ReadonlySet<string>,
  devices: readonly VolumeDevice[],
  path: string,
): Findings {
  if (name === '') yield required(`${path}.name`)
  if (!volumes.has(name)) yield notFoundValue(`${path}.name`, name)
  if (mountPath === '') yield required(`${path}.mountPath`)
  if (taken.has(mountPath)) yield invalidValue(`${path}.mountPath`, mountPath, 'must be unique')
  if (devices.some((device) => device.name === name))
    yield invalidValue(`${path}.name`, name, 'must not already exist in volumeDevices')
  if (devices.some((device) => device.devicePath === mountPath))
    yield invalidValue(`${path}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices')
}

/** What is wrong with the path itself is said of the list, as upstream does. */
function* validateSubPath({ name, subPath, subPathExpr }: VolumeMount, volumes: Volumes, list: string, index: number): Findings {
  const path = `${list}[${index}]`
  if (volumes.get(name)?.image !== undefined) {
    const rule = 'not allowed in image volume sources'
    if (subPath) yield invalidValue(`${path}.subPath`, subPath, rule)
    if (subPathExpr) yield invalidValue(`${path}.subPathExpr`, subPathExpr, rule)
  }
  if (subPath) yield* descendingPath(subPath, `${list}.subPath`)
  if (!subPathExpr) return
  if (subPath) yield invalidValue(`${path}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')
  yield* descendingPath(subPathExpr, `${list}.subPathExpr`)
}

function* validatePropagation(mount: VolumeMount, { securityContext }: Container, list: string): Findings {
  const { mountPropagation, recursiveReadOnly, readOnly } = mount
  if (mountPropagation !== undefined) {
    if (!PROPAGATIONS.includes(mountPropagation)) yield unsupported(`${list}.mountPropagation`, mountPropagation, PROPAGATIONS)
    if (mountPropagation === 'Bidirectional' && !securityContext?.privileged)
      yield forbid(`${list}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers')
  }
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return
  const path = `${list}.recursiveReadOnly`
  if (!RECURSIVE.includes(recursiveReadOnly)) {
    yield unsupported(path, recursiveReadOnly, RECURSIVE)
    return
  }
  if (!readOnly) yield forbid(path, 'may only be specified when readOnly is true')
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    yield forbid(path, 'may only be specified when mountPropagation is None or not specified')
}

function* validateDevices(
  devices: readonly VolumeDevice[],
  mounts: readonly VolumeMount[],
  volumes: Volumes,
  field: string,
): Findings {
  const [names, paths] = [new Set<string>(), new Set<string>()]
  for (const [index, { name = '', devicePath = '' }] of devices.entries()) {
    const path = `${field}[${index}]`
    const volume = volumes.get(name)
    if (name === '') yield required(`${path}.name`)
    if (names.has(name)) yield invalidValue(`${path}.name`, name, 'must be unique')
    if (volume === undefined) yield notFoundValue(`${path}.name`, name)
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      const rule = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'
      yield invalidValue(`${path}.name`, name, rule)
    }
    if (devicePath === '') yield required(`${path}.devicePath`)
    if (paths.has(devicePath)) yield invalidValue(`${path}.devicePath`, devicePath, 'must be unique')
    if (devicePath.split('/').includes('..'))
      yield invalidValue(`${path}.devicePath`, devicePath, "can not contain backsteps ('..')")
    else paths.add(devicePath)
    if (mounts.some((mount) => mount.name === name))
      yield invalidValue(`${path}.name`, name, 'must not already exist in volumeMounts')
    if (mounts.some((mount) => mount.mountPath === devicePath))
      yield invalidValue(`${path}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts')
    if (name !== '') names.add(name)
  }
}
