import { close, constants, fdatasync, fstat, fsync, open, read, write } from 'node:fs'
import { chmod, mkdir, open as openHandle, readdir, rename, rm, statfs } from 'node:fs/promises'
import { promisify } from 'node:util'

/** What the engine asks of a file system; tests put faults in between. */
export interface Disk {
  /** Makes it when it is not there; only its owner may look inside (0700). */
  makeDirectory(path: string): Promise<void>
  list(directory: string): Promise<string[]>
  open(path: string, mode: OpenMode): Promise<DiskFile>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes what was renamed or removed in a directory durable. */
  syncDirectory(path: string): Promise<void>
  space(path: string): Promise<Space>
}

/** `create`: a new file (0600) in place of whatever has that name. `durable`: a file that is there, of which every write is on disk when it resolves. */
export type OpenMode = 'read' | 'create' | 'durable'

export interface DiskFile extends AsyncDisposable {
  size(): Promise<number>
  /** Resolves to how many bytes were read: fewer than asked for only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Resolves to how many bytes were written, which may be fewer than asked for. */
  write(bytes: Uint8Array, position: number): Promise<number>
  /** Resolves once all that was written is on disk. */
  sync(): Promise<void>
}

export interface Space {
  readonly freeBytes: number
  readonly totalBytes: number
}

const files = {
  open: promisify(open),
  close: promisify(close),
  fstat: promisify(fstat),
  fsync: promisify(fsync),
  fdatasync: promisify(fdatasync),
}

/** One system call instead of two, where it reaches the disk itself and not only the drive's cache. */
const DURABLE = process.platform === 'linux' ? constants.O_DSYNC : 0

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  durable: constants.O_RDWR | DURABLE,
}

export const systemDisk: Disk = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await chmod(path, 0o700)
  },
  list: (directory) => readdir(directory),
  open: async (path, mode) => new SystemFile(await files.open(path, FLAGS[mode], 0o600), mode === 'durable' && DURABLE === 0),
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncDirectory(path) {
    await using directory = await openHandle(path, 'r')
    await directory.sync()
  },
  async space(path) {
    const { bsize, bavail, blocks } = await statfs(path)
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks }
  },
}

class SystemFile implements DiskFile {
  readonly #descriptor: number
  readonly #syncsWrites: boolean
  #isClosed = false

  constructor(descriptor: number, syncsWrites: boolean) {
    this.#descriptor = descriptor
    this.#syncsWrites = syncsWrites
  }

  async size(): Promise<number> {
    return (await files.fstat(this.#descriptor)).size
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < buffer.length) {
      const count = await new Promise<number>((resolve, reject) =>
        read(this.#descriptor, buffer, done, buffer.length - done, position + done, (error, bytes) =>
          error ? reject(error) : resolve(bytes),
        ),
      )
      if (count === 0) break
      done += count
    }
    return done
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    const written = await new Promise<number>((resolve, reject) =>
      write(this.#descriptor, bytes, 0, bytes.length, position, (error, count) => (error ? reject(error) : resolve(count))),
    )
    if (this.#syncsWrites) await files.fdatasync(this.#descriptor)
    return written
  }

  async sync(): Promise<void> {
    await files.fsync(this.#descriptor)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await files.close(this.#descriptor)
  }
}

/** Writes all of it, however little the disk takes at a time. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const count = await file.write(done === 0 ? bytes : bytes.subarray(done), position + done)
    if (count <= 0) throw new Error('the disk took none of what was to be written')
    done += count
  }
}

export const isNoSpace = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException)?.code ?? '')
