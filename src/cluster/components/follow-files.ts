import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import type { ConfigurationSource } from '#apiserver'

/**
 * Tells that something happened beside one of `paths`, whose content may be another now. Directories are watched, not files: who writes well puts a new file in
 * the place of the old, or moves the link that leads to it, as projected volumes do.
 */
export function followFiles(paths: readonly string[], onChange: () => void): Disposable {
  const stack = new DisposableStack()
  for (const directory of new Set(paths.map((path) => dirname(path)))) {
    const names = new Set(paths.filter((path) => dirname(path) === directory).map((path) => basename(path)))
    const watcher: FSWatcher = watch(directory, { persistent: false }, (_event, name) => {
      if (name === null || names.has(name) || name.startsWith('..')) onChange()
    })
    // A directory that is gone tells of nothing any more; what was read of it stays.
    watcher.on('error', () => undefined)
    stack.defer(() => watcher.close())
  }
  return stack
}

/** The text of a file, as long as it lasts. */
export const fileSource = (path: string): ConfigurationSource => ({
  read: () =>
    readFile(path, 'utf8').catch((error: unknown) => {
      throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error })
    }),
  onChange: (listener) => followFiles([path], listener),
})
