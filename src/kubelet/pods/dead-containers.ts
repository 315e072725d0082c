import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { terminationMessageFile } from '../containers/mounts.ts'
import type { ContainerStatus, Runtime } from '../runtimes/runtime.ts'
import { type ObservedPod, restartCountOf } from './observe.ts'

/** Of each container of a pod, beside the one that runs: for its log and for how it ended (https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-garbage-collection). */
const DEAD_KEPT = 1

/** Removes what a living pod has left behind: containers that ended before the last one, their logs, and sandboxes that were replaced. */
export async function removeDead(
  { sandboxes, containers, sandboxOf }: ObservedPod,
  { runtime, podDirectory }: { readonly runtime: Runtime; readonly podDirectory: string },
): Promise<void> {
  const removed = new Set<string>()
  for (const [name, statuses] of containers) {
    const dead = statuses.filter(({ state }) => state === 'EXITED' || state === 'UNKNOWN')
    for (const status of dead.slice(DEAD_KEPT)) {
      await runtime.removeContainer(status.id)
      removed.add(status.id)
      removeLog(status)
      if (podDirectory !== '') rmSync(terminationMessageFile(podDirectory, name, restartCountOf(status)), { force: true })
    }
  }
  const used = new Set([...sandboxOf].filter(([id]) => !removed.has(id)).map(([, sandbox]) => sandbox))
  for (const { id, state } of sandboxes.slice(1)) if (state === 'NOTREADY' && !used.has(id)) await runtime.removePodSandbox(id)
}

/** The log with its rotated files. */
function removeLog({ logPath }: ContainerStatus): void {
  // A simulated container has none.
  if (!logPath.startsWith('/')) return
  const [directory, name] = [dirname(logPath), basename(logPath)]
  let files: string[]
  try {
    files = readdirSync(directory)
  } catch {
    return
  }
  for (const file of files) if (file === name || file.startsWith(`${name}.`)) rmSync(join(directory, file), { force: true })
}
