import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a control group has used, as the kernel counts it. */
export interface GroupUsage {
  readonly cpuNanoseconds: number
  readonly memoryBytes: number
  /** Without file pages that were not touched lately: what can't be taken back. */
  readonly workingSetBytes: number
  readonly rssBytes: number
  readonly cacheBytes: number
  readonly pageFaults: number
  readonly majorPageFaults: number
  readonly memoryLimitBytes: number | undefined
  /** One of its processes, through which its network is seen. */
  readonly process: number | undefined
}

/** Version 1 has no word for "no limit", only the largest multiple of a page. */
const UNLIMITED_BYTES = 2 ** 62

/** Undefined when the group is not there. */
export function readGroupUsage(root: string, group: string): GroupUsage | undefined {
  try {
    return existsSync(join(root, 'cgroup.controllers')) ? readUnified(join(root, group)) : readV1(root, group)
  } catch (error) {
    // A group goes with its container, also between two files.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

function readV1(root: string, group: string): GroupUsage {
  const memory = join(root, 'memory', group)
  const stat = statIn(join(memory, 'memory.stat'))
  const memoryBytes = numberIn(join(memory, 'memory.usage_in_bytes'))
  const limit = numberIn(join(memory, 'memory.limit_in_bytes'))
  return {
    cpuNanoseconds: numberIn(join(root, 'cpuacct', group, 'cpuacct.usage')),
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - (stat.get('total_inactive_file') ?? 0)),
    rssBytes: stat.get('total_rss') ?? 0,
    cacheBytes: stat.get('total_cache') ?? 0,
    pageFaults: stat.get('total_pgfault') ?? 0,
    majorPageFaults: stat.get('total_pgmajfault') ?? 0,
    memoryLimitBytes: limit > UNLIMITED_BYTES ? undefined : limit,
    process: firstProcess(memory),
  }
}

function readUnified(path: string): GroupUsage {
  const stat = statIn(join(path, 'memory.stat'))
  const [anon, file] = [stat.get('anon') ?? 0, stat.get('file') ?? 0]
  // The root has no sum of its own.
  const memoryBytes = existsSync(join(path, 'memory.current')) ? numberIn(join(path, 'memory.current')) : anon + file
  const limit = existsSync(join(path, 'memory.max')) ? readFileSync(join(path, 'memory.max'), 'utf8').trim() : 'max'
  return {
    cpuNanoseconds: (statIn(join(path, 'cpu.stat')).get('usage_usec') ?? 0) * 1000,
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - (stat.get('inactive_file') ?? 0)),
    rssBytes: anon,
    cacheBytes: file,
    pageFaults: stat.get('pgfault') ?? 0,
    majorPageFaults: stat.get('pgmajfault') ?? 0,
    memoryLimitBytes: limit === 'max' ? undefined : Number(limit),
    process: firstProcess(path),
  }
}

const numberIn = (file: string): number => Number(readFileSync(file, 'utf8'))

/** Lines of a name and a number. */
function statIn(file: string): Map<string, number> {
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return new Map(
    lines.map((line): [string, number] => [line.slice(0, line.indexOf(' ')), Number(line.slice(line.indexOf(' ') + 1))]),
  )
}

function firstProcess(path: string): number | undefined {
  const first = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n')[0]
  return first ? Number(first) : undefined
}

export interface InterfaceUsage {
  readonly name: string
  readonly rxBytes: number
  readonly rxPackets: number
  readonly rxErrors: number
  readonly txBytes: number
  readonly txPackets: number
  readonly txErrors: number
}

/** Interfaces of the network that a process is in, loopback aside. */
export function readInterfaces(process: number | 'self'): InterfaceUsage[] {
  let text: string
  try {
    text = readFileSync(`/proc/${process}/net/dev`, 'utf8')
  } catch {
    // It has ended.
    return []
  }
  return text.split('\n').flatMap((line) => {
    const [name = '', counts] = line.split(':')
    if (counts === undefined || name.trim() === 'lo') return []
    const numbers = counts.trim().split(/\s+/).map(Number)
    const [rxBytes = 0, rxPackets = 0, rxErrors = 0] = numbers
    const [txBytes = 0, txPackets = 0, txErrors = 0] = numbers.slice(8)
    return [{ name: name.trim(), rxBytes, rxPackets, rxErrors, txBytes, txPackets, txErrors }]
  })
}
