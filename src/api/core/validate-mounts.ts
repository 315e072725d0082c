import type { Container, Volume, VolumeDevice, VolumeMount } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, notFoundValue, required, unsupported } from '../validation/findings.ts'
import { NONE } from '../validation/names.ts'
import { descendingPath } from './validate-path.ts'

/** The pod's volumes that are fit for use, by name. */
export type Volumes = ReadonlyMap<string, Volume>

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None']
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible']

/** Where a container finds its volumes: as files, and as block devices. */
export function validateMounts(container: Container, volumes: Volumes, field: string, found: Findings): void {
  const { volumeMounts: mounts = NONE, volumeDevices: devices = NONE } = container
  const paths = new Set<string>()
  for (const [index, mount] of mounts.entries()) {
    validatePlace(mount, volumes, paths, devices, `${field}.volumeMounts[${index}]`, found)
    validateSubPath(mount, `${field}.volumeMounts`, index, found)
    validatePropagation(mount, container, `${field}.volumeMounts`, found)
    paths.add(mount.mountPath ?? '')
  }
  if (devices.length > 0) validateDevices(devices, mounts, volumes, `${field}.volumeDevices`, found)
}

function validatePlace(
  { name = '', mountPath = '' }: VolumeMount,
  volumes: Volumes,
  taken: ReadonlySet<string>,
  devices: readonly VolumeDevice[],
  path: string,
  found: Findings,
): void {
  if (name === '') found.push(required(`${path}.name`))
  if (!volumes.has(name)) found.push(notFoundValue(`${path}.name`, name))
  if (mountPath === '') found.push(required(`${path}.mountPath`))
  if (taken.has(mountPath)) found.push(invalidValue(`${path}.mountPath`, mountPath, 'must be unique'))
  if (devices.some((device) => device.name === name))
    found.push(invalidValue(`${path}.name`, name, 'must not already exist in volumeDevices'))
  if (devices.some((device) => device.devicePath === mountPath))
    found.push(invalidValue(`${path}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'))
}

/** What is wrong with the path itself is said of the list, as upstream does. */
function validateSubPath({ subPath, subPathExpr }: VolumeMount, list: string, index: number, found: Findings): void {
  if (subPath) descendingPath(subPath, `${list}.subPath`, found)
  if (!subPathExpr) return
  if (subPath)
    found.push(invalidValue(`${list}[${index}].subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
  descendingPath(subPathExpr, `${list}.subPathExpr`, found)
}

function validatePropagation(mount: VolumeMount, { securityContext }: Container, list: string, found: Findings): void {
  const { mountPropagation, recursiveReadOnly, readOnly } = mount
  if (mountPropagation !== undefined) {
    if (!PROPAGATIONS.includes(mountPropagation))
      found.push(unsupported(`${list}.mountPropagation`, mountPropagation, PROPAGATIONS))
    if (mountPropagation === 'Bidirectional' && !securityContext?.privileged)
      found.push(forbid(`${list}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'))
  }
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return
  const path = `${list}.recursiveReadOnly`
  if (!RECURSIVE.includes(recursiveReadOnly)) {
    found.push(unsupported(path, recursiveReadOnly, RECURSIVE))
    return
  }
  if (!readOnly) found.push(forbid(path, 'may only be specified when readOnly is true'))
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    found.push(forbid(path, 'may only be specified when mountPropagation is None or not specified'))
}

function validateDevices(
  devices: readonly VolumeDevice[],
  mounts: readonly VolumeMount[],
  volumes: Volumes,
  field: string,
  found: Findings,
): void {
  const [names, paths] = [new Set<string>(), new Set<string>()]
  for (const [index, { name = '', devicePath = '' }] of devices.entries()) {
    const path = `${field}[${index}]`
    const volume = volumes.get(name)
    if (name === '') found.push(required(`${path}.name`))
    if (names.has(name)) found.push(invalidValue(`${path}.name`, name, 'must be unique'))
    if (volume === undefined) found.push(notFoundValue(`${path}.name`, name))
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      const rule = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode'
      found.push(invalidValue(`${path}.name`, name, rule))
    }
    if (devicePath === '') found.push(required(`${path}.devicePath`))
    if (paths.has(devicePath)) found.push(invalidValue(`${path}.devicePath`, devicePath, 'must be unique'))
    if (devicePath.split('/').includes('..'))
      found.push(invalidValue(`${path}.devicePath`, devicePath, "can not contain backsteps ('..')"))
    else paths.add(devicePath)
    if (mounts.some((mount) => mount.name === name))
      found.push(invalidValue(`${path}.name`, name, 'must not already exist in volumeMounts'))
    if (mounts.some((mount) => mount.mountPath === devicePath))
      found.push(invalidValue(`${path}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'))
    if (name !== '') names.add(name)
  }
}
