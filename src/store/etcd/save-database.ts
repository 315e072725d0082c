import { createHash } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import type { EtcdConnection } from './connection.ts'
import { EtcdError } from './errors.ts'

const SHA256_BYTES = 32

/** Receives the member's database into a file (0600). It gets its name once all of it is on disk and is what the member says it is. */
export async function saveDatabase(connection: EtcdConnection, file: string, signal: AbortSignal): Promise<void> {
  const unfinished = `${file}.part`
  try {
    const handle = await open(unfinished, 'w', 0o600)
    try {
      const hash = createHash('sha256')
      // What may be the checksum is kept back until more has come.
      let tail: Buffer = Buffer.alloc(0)
      for await (const { blob } of connection.snapshot(signal)) {
        if (blob === undefined) continue
        await handle.write(blob)
        tail = Buffer.concat([tail, blob])
        const sure = tail.subarray(0, Math.max(0, tail.length - SHA256_BYTES))
        hash.update(sure)
        tail = Buffer.from(tail.subarray(sure.length))
      }
      if (tail.length !== SHA256_BYTES || !hash.digest().equals(tail))
        throw new EtcdError('refused', 'the member sent a snapshot whose checksum is that of other bytes', true)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(unfinished, file)
  } finally {
    await rm(unfinished, { force: true })
  }
}
