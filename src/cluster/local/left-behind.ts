import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const CGROUPS = '/sys/fs/cgroup'

/** The roots of all control group hierarchies: one, or with version 1 one for each controller. */
export const cgroupHierarchies = (): string[] =>
  existsSync(join(CGROUPS, 'cgroup.controllers')) ? [CGROUPS] : readdirSync(CGROUPS).map((name) => join(CGROUPS, name))

/**
 * Ends what a node whose agent died left running: its containerd, the shims, and every process in its control groups. They are found by the node's own directory in their
 * command lines and by its own group, so nobody else's are touched. Resolves with how many there were.
 */
export function endLeftBehind(runtimeDirectory: string, cgroup: string): number {
  const supervisors = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isOfRuntime(pid, runtimeDirectory))
  const contained = cgroupHierarchies().flatMap((hierarchy) => processesIn(join(hierarchy, cgroup)))
  // Supervisors first: they would tell of the ends of containers, or start something anew.
  const all = [...new Set([...supervisors, ...contained])]
  for (const pid of all) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // Gone in the meantime.
    }
  }
  return all.length
}

function isOfRuntime(pid: string, runtimeDirectory: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return /containerd(-shim[\w-]*)?$/.test(words[0] ?? '') && words.some((word) => word.startsWith(`${runtimeDirectory}/`))
  } catch {
    return false
  }
}

function processesIn(group: string): string[] {
  if (!existsSync(group)) return []
  const own = readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')
  const below = readdirSync(group, { withFileTypes: true }).filter((each) => each.isDirectory())
  return [...own.filter((pid) => pid !== ''), ...below.flatMap(({ name }) => processesIn(join(group, name)))]
}
