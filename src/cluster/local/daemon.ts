import { spawn } from 'node:child_process'
import { mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

export interface DaemonCommand {
  /** Words before the program itself, e.g. `nsenter --net=…`. */
  readonly prefix?: readonly string[]
  /** Arguments for the command line, e.g. `['server', '--data-dir', D]`. */
  readonly arguments: readonly string[]
  readonly logFile: string
}

/** What a process started by {@link startDaemon} sends once: it serves, or why it can't. */
export type DaemonReport = { readonly ready: true } | { readonly error: string }

/**
 * Starts this program again as a process of its own session that outlives the caller, and waits until it reports over its IPC channel
 * that it serves. Rejects with its own sentence, or with the log's place when it died without one.
 */
export async function startDaemon(command: DaemonCommand): Promise<void> {
  mkdirSync(dirname(command.logFile), { recursive: true, mode: 0o700 })
  const log = openSync(command.logFile, 'a', 0o600)
  const [program, ...rest] = [
    ...(command.prefix ?? []),
    process.execPath,
    ...process.execArgv,
    process.argv[1]!,
    ...command.arguments,
  ]
  const child = spawn(program!, rest, { detached: true, stdio: ['ignore', log, log, 'ipc'], cwd: '/' })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('message', (report: DaemonReport) => {
      if ('ready' in report) resolve()
      else reject(new Error(report.error))
    })
    child.once('exit', (code, signal) => {
      reject(
        new Error(
          `t8s ${command.arguments[0]} ended with ${signal ?? `exit code ${code}`} before it was ready; see ${command.logFile}`,
        ),
      )
    })
  }).finally(() => {
    if (child.connected) child.disconnect()
    child.unref()
  })
}

/** For the process so started: tells who waits, if anybody does. */
export function reportToStarter(report: DaemonReport): void {
  if (!process.connected) return
  process.send?.(report)
  process.disconnect?.()
}
