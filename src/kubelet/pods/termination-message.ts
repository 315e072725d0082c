import { readFileSync } from 'node:fs'
import type { Container } from '#api'
import { terminationMessageFile } from '../containers/mounts.ts'
import type { ContainerStatus } from '../runtimes/runtime.ts'
import { parseLogLine } from '../server/log-format.ts'
import { restartCountOf } from './observe.ts'

const MESSAGE_BYTES_MAX = 4096
const LOG_LINES_MAX = 80
const LOG_BYTES_MAX = 2048

/** What a container left to say: its message file, or the end of its log if it failed and asked for that. */
export function readTerminationMessage(container: Container, status: ContainerStatus, podDirectory: string): string {
  if (podDirectory === '') return ''
  const written = tail(terminationMessageFile(podDirectory, container.name, restartCountOf(status)), MESSAGE_BYTES_MAX)
  if (written !== '' || container.terminationMessagePolicy !== 'FallbackToLogsOnError' || status.exitCode === 0) return written
  const lines = tail(status.logPath, LOG_BYTES_MAX * 4)
    .split('\n')
    .filter((line) => line !== '')
    .slice(-LOG_LINES_MAX)
  return lines
    .map((line) => parseLogLine(line)?.text ?? '')
    .join('')
    .slice(-LOG_BYTES_MAX)
}

function tail(path: string, bytes: number): string {
  try {
    return readFileSync(path).subarray(-bytes).toString()
  } catch {
    return ''
  }
}
