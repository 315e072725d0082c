import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** One file of a volume made of data. Paths are relative and stay below the volume. */
export interface VolumeFile {
  readonly content: Uint8Array
  readonly mode: number
  /** User that owns it; root by default. */
  readonly user?: number | undefined
}

const DATA = '..data'

/**
 * Writes a set of files so that readers see the old set or the new one, never a mixture: the files stand in a time-stamped directory to which `..data` points, and
 * visible names point through `..data`. Returns whether anything changed. All of it belongs to `group`, which directories hand on.
 */
export function writeAtomically(
  directory: string,
  files: ReadonlyMap<string, VolumeFile>,
  stamp: string,
  group: number | undefined,
): boolean {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const current = currentTarget(directory)
  if (current !== undefined && isSame(join(directory, current), files)) return false
  const target = `..${stamp}`
  const fresh = join(directory, target)
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o755 })
  for (const [path, { content, mode, user = 0 }] of files) {
    const file = join(fresh, path)
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    writeFileSync(file, content)
    if (user !== 0 || group !== undefined) chownSync(file, user, group ?? 0)
    // After the change of owner, which clears bits; the mode of a new file is subject to the umask.
    chmodSync(file, mode)
  }
  if (group !== undefined) giveDirectories(fresh, group)
  const link = join(directory, `${DATA}_tmp`)
  rmSync(link, { force: true })
  symlinkSync(target, link)
  renameSync(link, join(directory, DATA))
  const visible = new Set([...files.keys()].map((path) => path.split('/')[0]!))
  for (const name of visible) ensureLink(directory, name)
  for (const name of readdirSync(directory))
    if (!name.startsWith('..') && !visible.has(name)) rmSync(join(directory, name), { recursive: true, force: true })
  if (current !== undefined && current !== target) rmSync(join(directory, current), { recursive: true, force: true })
  return true
}

function giveDirectories(directory: string, group: number): void {
  chownSync(directory, 0, group)
  chmodSync(directory, 0o2755)
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) giveDirectories(join(directory, entry.name), group)
}

function ensureLink(directory: string, name: string): void {
  const path = join(directory, name)
  const wanted = join(DATA, name)
  try {
    if (lstatSync(path).isSymbolicLink() && readlinkSync(path) === wanted) return
    rmSync(path, { recursive: true, force: true })
  } catch {
    // It is not there yet.
  }
  symlinkSync(wanted, path)
}

function currentTarget(directory: string): string | undefined {
  try {
    return readlinkSync(join(directory, DATA))
  } catch {
    return undefined
  }
}

function isSame(directory: string, files: ReadonlyMap<string, VolumeFile>): boolean {
  const present = filesBelow(directory, '')
  if (present.length !== files.size) return false
  for (const path of present) {
    const wanted = files.get(path)
    if (wanted === undefined) return false
    const full = join(directory, path)
    if ((lstatSync(full).mode & 0o777) !== wanted.mode || !readFileSync(full).equals(wanted.content)) return false
  }
  return true
}

function filesBelow(directory: string, prefix: string): string[] {
  try {
    return readdirSync(join(directory, prefix), { withFileTypes: true }).flatMap((entry) => {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
      return entry.isDirectory() ? filesBelow(directory, path) : [path]
    })
  } catch {
    return []
  }
}
