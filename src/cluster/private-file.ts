import { renameSync, writeFileSync } from 'node:fs'

/** Writes a file that only its owner may read, whole or not at all. */
export const writePrivateFile = (path: string, text: string | Uint8Array): void => replace(path, text, 0o600)

/** As {@link writePrivateFile}, for everybody to read. */
export const writePublicFile = (path: string, text: string | Uint8Array): void => replace(path, text, 0o644)

function replace(path: string, text: string | Uint8Array, mode: number): void {
  const unfinished = `${path}.new`
  writeFileSync(unfinished, text, { mode })
  renameSync(unfinished, path)
}
