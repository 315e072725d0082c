import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** An EncryptionConfiguration in a directory of its own. */
export interface EncryptionFile extends Disposable {
  readonly file: string
  readonly directory: string
  /** Puts another in its place at once, as whoever rotates keys should. */
  replace(resources: unknown): void
  write(text: string): void
}

export function encryptionFile(resources: unknown): EncryptionFile {
  const directory = mkdtempSync(join(tmpdir(), 't8s-encryption-'))
  const file = join(directory, 'encryption.yaml')
  const write = (text: string): void => {
    writeFileSync(`${file}.new`, text, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  const replace = (next: unknown): void =>
    write(JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources: next }))
  replace(resources)
  return { file, directory, replace, write, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

/** A key of 32 bytes, each of which is `byte`. */
export const encryptionKey = (name: string, byte: number): { readonly name: string; readonly secret: string } => ({
  name,
  secret: Buffer.alloc(32, byte).toString('base64'),
})
