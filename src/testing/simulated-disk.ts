import type { Random } from '#base'
import type { Disk, DiskFile, OpenMode, Space } from '#store'

const SECTOR_BYTES = 512

/** What is about to happen on a disk. */
export interface DiskOperation {
  readonly kind: 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'sync-directory'
  readonly path: string
  readonly bytes?: Uint8Array
  readonly position?: number
  /** Of a write: whether it is on disk when it is done, without a sync. */
  readonly isDurable?: boolean
}

/** `written`: of the bytes asked for; fewer than all is a short write. */
export type Fault = (operation: DiskOperation) => Promise<{ readonly written?: number } | undefined> | undefined

class Content {
  /** As programs see it, and as it is on disk. */
  seen: Buffer = Buffer.alloc(0)
  durable: Buffer = Buffer.alloc(0)
  /** Between these the two may differ. */
  unsyncedFrom = Number.POSITIVE_INFINITY
  unsyncedTo = 0

  write(bytes: Uint8Array, position: number): void {
    this.seen = overwritten(this.seen, bytes, position)
    this.unsyncedFrom = Math.min(this.unsyncedFrom, position)
    this.unsyncedTo = Math.max(this.unsyncedTo, position + bytes.length)
  }

  sync(): void {
    if (this.unsyncedTo > this.unsyncedFrom)
      this.durable = overwritten(this.durable, this.seen.subarray(this.unsyncedFrom, this.unsyncedTo), this.unsyncedFrom)
    this.unsyncedFrom = Number.POSITIVE_INFINITY
    this.unsyncedTo = 0
  }
}

/**
 * A disk in memory that keeps apart what was written and what is safe: a cut of power takes the rest, sector by sector, as chance has it. Names are safe once their
 * directory was synced. Its faults and its size are the test's.
 */
export class SimulatedDisk implements Disk {
  readonly #seen: Map<string, Content>
  #durable: Map<string, Content>
  /** Called before anything changes; what it throws is the disk's answer. */
  fault: Fault = () => undefined
  capacityBytes = Number.POSITIVE_INFINITY
  /** Files that are open. */
  opened = 0

  constructor(files: ReadonlyMap<string, Buffer> = new Map()) {
    this.#seen = new Map([...files].map(([path, bytes]) => [path, contentOf(bytes)]))
    this.#durable = new Map(this.#seen)
  }

  /** Every file as programs see it. */
  files(): Map<string, Buffer> {
    return new Map([...this.#seen].map(([path, { seen }]) => [path, Buffer.from(seen)]))
  }

  /** The disk as it is after a cut of power now. `torn`: a write that was under way. */
  afterPowerCut(random: Random, torn?: DiskOperation): SimulatedDisk {
    const half = torn?.kind === 'write' ? this.#seen.get(torn.path) : undefined
    const seen = half === undefined ? undefined : overwritten(copyOf(half.seen), torn!.bytes!, torn!.position!)
    const files = new Map(
      [...this.#durable].map(([path, content]) => [
        path,
        mixed(content.durable, content === half ? seen! : content.seen, random),
      ]),
    )
    return new SimulatedDisk(files)
  }

  get usedBytes(): number {
    let bytes = 0
    for (const { seen } of this.#seen.values()) bytes += seen.length
    return bytes
  }

  async makeDirectory(): Promise<void> {}

  async list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`
    return [...this.#seen.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length))
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const fault = this.fault({ kind: 'open', path })
    if (fault !== undefined) await fault
    if (mode === 'create') this.#seen.set(path, new Content())
    const content = this.#seen.get(path)
    if (content === undefined) throw errno('ENOENT', `no such file or directory, open '${path}'`)
    this.opened++
    return {
      size: async () => content.seen.length,
      read: async (buffer, position) =>
        position >= content.seen.length ? 0 : content.seen.copy(buffer, 0, position, position + buffer.length),
      write: async (bytes, position) => {
        const fault = this.fault({ kind: 'write', path, bytes, position, isDurable: mode === 'durable' })
        // Without one it is done at once, so that nothing comes between.
        const written = (fault === undefined ? undefined : await fault)?.written ?? bytes.length
        this.#makeRoom(position + written - content.seen.length)
        content.write(bytes.subarray(0, written), position)
        if (mode === 'durable') content.durable = overwritten(content.durable, bytes.subarray(0, written), position)
        return written
      },
      sync: async () => {
        const fault = this.fault({ kind: 'sync', path })
        if (fault !== undefined) await fault
        content.sync()
      },
      [Symbol.asyncDispose]: async () => {
        this.opened--
      },
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const fault = this.fault({ kind: 'rename', path: to })
    if (fault !== undefined) await fault
    this.#seen.set(to, this.#seen.get(from)!)
    this.#seen.delete(from)
  }

  async remove(path: string): Promise<void> {
    const fault = this.fault({ kind: 'remove', path })
    if (fault !== undefined) await fault
    this.#seen.delete(path)
  }

  async syncDirectory(path: string): Promise<void> {
    const fault = this.fault({ kind: 'sync-directory', path })
    if (fault !== undefined) await fault
    this.#durable = new Map(this.#seen)
  }

  async space(): Promise<Space> {
    return { freeBytes: this.capacityBytes - this.usedBytes, totalBytes: this.capacityBytes }
  }

  #makeRoom(bytes: number): void {
    if (bytes > 0 && this.usedBytes + bytes > this.capacityBytes) throw errno('ENOSPC', 'no space left on device, write')
  }
}

export const errno = (code: string, message: string): Error => Object.assign(new Error(`${code}: ${message}`), { code })

function contentOf(bytes: Buffer): Content {
  const content = new Content()
  content.seen = copyOf(bytes)
  content.durable = copyOf(bytes)
  return content
}

/** In memory of its own, which may be larger than what is seen of it. */
function copyOf(bytes: Uint8Array, capacity = bytes.length): Buffer {
  const memory = Buffer.alloc(capacity)
  memory.set(bytes)
  return memory.subarray(0, bytes.length)
}

function overwritten(old: Buffer, bytes: Uint8Array, position: number): Buffer {
  const end = position + bytes.length
  const room = end <= old.buffer.byteLength ? old : copyOf(old, Math.max(end, 2 * old.length))
  const whole = Buffer.from(room.buffer, 0, Math.max(old.length, end))
  whole.set(bytes, position)
  return whole
}

/** Each sector that differs is the old one or the new one; so is the length. */
function mixed(durable: Buffer, seen: Buffer, random: Random): Buffer {
  const length = random.int(2) === 0 ? durable.length : seen.length
  const result = Buffer.concat([durable], length)
  for (let at = 0; at < length; at += SECTOR_BYTES) {
    const piece = seen.subarray(at, Math.min(length, at + SECTOR_BYTES))
    if (!piece.equals(result.subarray(at, at + piece.length)) && random.int(2) === 0) result.set(piece, at)
  }
  return result
}
