import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { nextCronTime, parseCron } from '#api'
import { type Clock, type Log, TaskGroup } from '#base'

/** When a server saves its cluster by itself, and how many of those snapshots it keeps. */
export interface SnapshotPlan {
  /** 0: none are taken, unless there is a schedule. */
  readonly intervalMs: number
  /** In the language of a CronJob's, in UTC; in place of the interval. */
  readonly schedule?: string | undefined
  readonly retention: number
  readonly directory: string
}

export interface ScheduleDependencies {
  /** Saves to a file that gets its name when it is whole. */
  take(file: string): Promise<{ readonly revision: number; readonly bytes: number }>
  /** Of this server, in the names of its files. */
  readonly name: string
  readonly clock: Clock
  readonly log: Log
}

/** After a snapshot that failed, if that is sooner than the next is due. */
const RETRY_MS = 5 * 60_000

/** Saves as planned, until disposed of. The time of the last is told by its name, so that a restart neither skips one nor takes one early. */
export function keepSnapshots(plan: SnapshotPlan, dependencies: ScheduleDependencies): AsyncDisposable {
  const { clock, log, name, take } = dependencies
  const tasks = new TaskGroup({ onError: (error) => log.error('No snapshots are taken any more', { error }) })
  tasks.spawn(async (signal) => {
    // One that was missed while nobody ran is taken now.
    let dueMs = dueAfter(plan, snapshotsIn(plan.directory, name)[0]?.takenAtMs ?? clock.now())
    for (;;) {
      await clock.sleep(Math.max(0, dueMs - clock.now()), { signal })
      const nowMs = clock.now()
      dueMs = dueAfter(plan, nowMs)
      try {
        mkdirSync(plan.directory, { recursive: true, mode: 0o700 })
        const file = join(plan.directory, `t8s-snapshot-${name}-${Math.floor(nowMs / 1000)}.tar`)
        const { revision, bytes } = await take(file)
        log.info('A snapshot was taken', { file, revision, bytes })
      } catch (error) {
        log.error('A snapshot could not be taken', { directory: plan.directory, error })
        dueMs = Math.min(dueMs, nowMs + RETRY_MS)
        continue
      }
      for (const { file } of snapshotsIn(plan.directory, name).slice(plan.retention)) rmSync(file, { force: true })
    }
  })
  return tasks
}

/** Throws a sentence when a schedule is none, or never comes. */
export function dueAfter({ schedule, intervalMs }: Pick<SnapshotPlan, 'schedule' | 'intervalMs'>, afterMs: number): number {
  if (schedule === undefined) return afterMs + intervalMs
  const dueMs = nextCronTime(parseCron(schedule), afterMs)
  if (dueMs === undefined) throw new Error(`the schedule ${JSON.stringify(schedule)} never comes`)
  return dueMs
}

/** Whole snapshots that this server took, the newest first. What is being written has another name and does not count. */
export function snapshotsIn(directory: string, name: string): { readonly file: string; readonly takenAtMs: number }[] {
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const prefix = `t8s-snapshot-${name}-`
  return names
    .flatMap((each) => {
      const seconds = each.startsWith(prefix) ? /^(\d+)\.tar$/.exec(each.slice(prefix.length))?.[1] : undefined
      return seconds === undefined ? [] : [{ file: join(directory, each), takenAtMs: Number(seconds) * 1000 }]
    })
    .sort((a, b) => b.takenAtMs - a.takenAtMs)
}
