import { spawnSync } from 'node:child_process'
import { readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const MARK = 'T8S_TEST_DIRECTORY'
const CGROUPS = '/sys/fs/cgroup'

/** A place of the test file's own: its directory, and the group its containers live in. */
export interface Alone {
  readonly directory: string
  readonly cgroup: string
}

/**
 * Runs the calling test file again in network, mount and process namespaces of its own, and ends this process with its exit code; returns there.
 * Whatever happens inside, no process, mount or interface outlives it. Needs root.
 */
export function alone(file: string): Alone {
  const inside = process.env[MARK]
  if (inside !== undefined) return { directory: inside, cgroup: `/${inside.slice(inside.lastIndexOf('/') + 1)}` }
  // Short: sockets below it have a limit of 107 bytes.
  const directory = `/tmp/t8s-${process.pid}`
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
  const program = ['env', `${MARK}=${directory}`, process.execPath, ...process.execArgv, file]
  const { status, signal } = spawnSync('unshare', [...namespaces, ...program], { stdio: 'inherit' })
  rmSync(directory, { recursive: true, force: true })
  for (const hierarchy of readdirSync(CGROUPS)) removeGroup(join(CGROUPS, hierarchy, directory.slice('/tmp/'.length)))
  process.exit(signal === null ? (status ?? 1) : 1)
}

/** Children first: a group with groups in it stays. */
function removeGroup(path: string): void {
  let children: string[]
  try {
    children = readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(path, name))
  } catch {
    return
  }
  for (const child of children) removeGroup(child)
  rmdirSync(path)
}
