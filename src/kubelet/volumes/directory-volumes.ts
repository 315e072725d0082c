import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { quantityValue } from '#meta'
import { VolumeError, type VolumeType } from './volume.ts'

/** A directory that lives as long as the pod, on disk or in memory. Its mode and group are set once: afterwards they are the pod's to change. */
export const emptyDirVolume: VolumeType = {
  field: 'emptyDir',
  plugin: 'kubernetes.io~empty-dir',
  async prepare({ emptyDir }, { directory, pod, mountTmpfs }) {
    const group = pod.spec?.securityContext?.fsGroup
    if (emptyDir?.medium === 'Memory') {
      const sizeBytes = emptyDir.sizeLimit ? quantityValue(emptyDir.sizeLimit) : undefined
      await mountTmpfs(directory, { sizeBytes, group })
      return { path: directory, readOnly: false }
    }
    if (existsSync(directory)) return { path: directory, readOnly: false }
    // Moved into place when it is complete, so that a crash in between leaves nothing half done.
    const fresh = `${directory}.new`
    mkdirSync(fresh, { recursive: true })
    if (group !== undefined) chownSync(fresh, 0, group)
    chmodSync(fresh, group === undefined ? 0o777 : 0o2777)
    renameSync(fresh, directory)
    return { path: directory, readOnly: false }
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
      return { path, readOnly: false }
    }
    check(path, type)
    return { path, readOnly: false }
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
