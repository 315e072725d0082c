import type { Revision } from '../store.ts'

const WAY_OUT =
  "Restore a snapshot into a new directory with 't8s snapshot restore FILE --data-dir DIRECTORY', or delete the cluster with 't8s reset --yes'"

/** Something that was acknowledged can't be read any more. Nothing is opened, so that nothing is built on what is left. */
export class DamagedStore extends Error {
  override readonly name = 'DamagedStore'
  readonly file: string
  readonly offset: number
  /** The last one that could be read. */
  readonly revision: Revision

  constructor(file: string, offset: number, revision: Revision, what: string) {
    super(`${file} is damaged at byte ${offset}: ${what}; what comes before ends at revision ${revision}. ${WAY_OUT}`)
    this.file = file
    this.offset = offset
    this.revision = revision
  }
}

export const newerVersion = (path: string, version: number, known: number): Error =>
  new Error(
    `${path} was written by a newer version of t8s (format ${version}, this one knows ${known}); upgrade t8s or choose another --data-dir`,
  )
