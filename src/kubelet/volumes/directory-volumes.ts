import { chmodSync, chownSync, lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { quantityValue } from '#meta'
import { VolumeError, type VolumeType } from './volume.ts'

/** A directory that lives as long as the pod, on disk or in memory. */
export const emptyDirVolume: VolumeType = {
  field: 'emptyDir',
  plugin: 'kubernetes.io~empty-dir',
  async prepare({ emptyDir }, { directory, pod, mountTmpfs }) {
    mkdirSync(directory, { recursive: true })
    chmodSync(directory, 0o777)
    if (emptyDir?.medium === 'Memory')
      await mountTmpfs(directory, emptyDir.sizeLimit ? quantityValue(emptyDir.sizeLimit) : undefined)
    const group = pod.spec?.securityContext?.fsGroup
    if (group !== undefined) {
      chownSync(directory, 0, group)
      chmodSync(directory, 0o2777)
    }
    return directory
  },
}

/** A path of the node itself. */
export const hostPathVolume: VolumeType = {
  field: 'hostPath',
  plugin: 'kubernetes.io~host-path',
  async prepare({ hostPath }) {
    const { path, type = '' } = hostPath!
    if (type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true, mode: 0o755 })
    if (type === 'FileOrCreate') writeFileSync(path, '', { flag: 'a', mode: 0o644 })
    if (type === '') {
      // Without a type nothing is checked; a missing path becomes a directory, as container runtimes make it.
      try {
        lstatSync(path)
      } catch {
        mkdirSync(path, { recursive: true, mode: 0o755 })
      }
      return path
    }
    check(path, type)
    return path
  },
}

function check(path: string, type: string): void {
  let found: import('node:fs').Stats
  try {
    found = statSync(path)
  } catch {
    throw new VolumeError(`hostPath type check failed: ${path} is not ${described(type)}`)
  }
  const fits: Readonly<Record<string, () => boolean>> = {
    Directory: () => found.isDirectory(),
    DirectoryOrCreate: () => found.isDirectory(),
    File: () => found.isFile(),
    FileOrCreate: () => found.isFile(),
    Socket: () => found.isSocket(),
    CharDevice: () => found.isCharacterDevice(),
    BlockDevice: () => found.isBlockDevice(),
  }
  if (!fits[type]?.()) throw new VolumeError(`hostPath type check failed: ${path} is not ${described(type)}`)
}

const described = (type: string): string =>
  ({
    Directory: 'a directory',
    DirectoryOrCreate: 'a directory',
    File: 'a file',
    FileOrCreate: 'a file',
    Socket: 'a socket file',
    CharDevice: 'a character device',
    BlockDevice: 'a block device',
  })[type] ?? type
