import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { EncryptionOptions } from '#apiserver'
import type { Log, Random } from '#base'
import type { Store } from '#store'
import { writePrivateFile } from './private-file.ts'

/** Beside the authorities, and kept like them: what copies their keys copies it. */
export const ENCRYPTION_FILE = 'secrets-encryption.key'

const SECRETBOX_KEY_BYTES = 32
const ENCRYPTED = 'k8s:enc:'
const SECRETS = '/registry/secrets/'

/** Makes a key for secrets, as an EncryptionConfiguration (0600) to which its owner may add more. */
export function writeEncryption(directory: string, random: Random): void {
  const secret = Buffer.from(random.bytes(SECRETBOX_KEY_BYTES)).toString('base64')
  // Its name tells a value of this key from one of another cluster's, or of a key that was lost.
  const configuration = `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources:
      - secrets
    providers:
      - secretbox:
          keys:
            - name: t8s-${random.suffix(8)}
              secret: ${secret}
      - identity: {}
`
  writePrivateFile(join(directory, ENCRYPTION_FILE), configuration)
}

/**
 * How the secrets of a local cluster are encrypted. A cluster that was made before there was a key gets one, unless other servers, which would not know it, share its
 * store: then undefined. Throws a sentence when secrets are encrypted and the key is gone.
 */
export async function keepEncryption(
  directory: string,
  {
    store,
    prefix,
    random,
    log,
  }: { readonly store: Store; readonly prefix: string | undefined; readonly random: Random; readonly log: Log },
): Promise<EncryptionOptions | undefined> {
  const file = join(directory, ENCRYPTION_FILE)
  if (!existsSync(file)) {
    await refuseLostKey(store, file)
    if (store.isShared) {
      log.warn(
        'Secrets are not encrypted: this cluster has no key for them, and servers that share its store would not know a new one',
        { file },
      )
      return undefined
    }
    writeEncryption(directory, random)
  }
  return { file, automaticReload: true, prefix }
}

async function refuseLostKey(store: Store, file: string): Promise<void> {
  const { entries } = await store.list(SECRETS)
  const isEncrypted = entries.some(
    ({ value }) => Buffer.from(value.subarray(0, ENCRYPTED.length)).toString('latin1') === ENCRYPTED,
  )
  if (isEncrypted)
    throw new Error(
      `the secrets of this cluster are encrypted, and their key ${file} is gone; copy it from a snapshot or from another server`,
    )
}
