import { joined } from '../transformer.ts'
import { type Annotations, DEK_KEY, DEK_SEED, type EncryptedObject } from './messages.ts'

const DEK_SOURCE_BYTES_MAX = 1024
const KEY_ID_BYTES_MAX = 1024
const ANNOTATIONS_BYTES_MAX = 32 * 1024

/** Throws what is wrong with a value's envelope, in upstream's words. */
export function checkEncryptedObject(object: EncryptedObject): void {
  const { encryptedDEKSourceType = DEK_KEY, encryptedData, encryptedDEKSource, keyId, annotations } = object
  if (encryptedDEKSourceType !== DEK_KEY && encryptedDEKSourceType !== DEK_SEED)
    throw new Error(`unknown encryptedDEKSourceType: ${encryptedDEKSourceType}`)
  if (!encryptedData?.length) throw new Error('encrypted data is empty')
  const source = encryptedDEKSource?.length ?? 0
  if (source === 0) throw new Error('failed to validate encrypted DEK source: encrypted DEK source is empty')
  if (source > DEK_SOURCE_BYTES_MAX)
    throw new Error(
      `failed to validate encrypted DEK source: encrypted DEK source is ${source} bytes, which exceeds the max size of ${DEK_SOURCE_BYTES_MAX}`,
    )
  const problem = keyIdProblem(keyId)
  if (problem !== undefined) throw new Error(`failed to validate key id: ${problem.message}`)
  checkAnnotations(annotations ?? {})
}

/** Undefined for one that may be used. */
export function keyIdProblem(
  keyId: string | undefined,
): { readonly code: 'empty' | 'too_long'; readonly message: string } | undefined {
  const length = Buffer.byteLength(keyId ?? '')
  if (length === 0) return { code: 'empty', message: 'keyID is empty' }
  if (length <= KEY_ID_BYTES_MAX) return undefined
  return { code: 'too_long', message: `keyID is ${length} bytes, which exceeds the max size of ${KEY_ID_BYTES_MAX}` }
}

/** The same for values under the same encrypted key. */
export function dekOf({
  encryptedDEKSourceType = DEK_KEY,
  encryptedDEKSource,
  keyId,
  annotations = {},
}: EncryptedObject): string {
  const base64 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('base64')
  const notes = Object.keys(annotations)
    .sort()
    .map((name) => [name, base64(annotations[name])])
  return JSON.stringify([encryptedDEKSourceType, base64(encryptedDEKSource), keyId, notes])
}

/** A DNS subdomain with at least one dot. */
const QUALIFIED = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/

function checkAnnotations(annotations: Annotations): void {
  const problems: Error[] = []
  let size = 0
  for (const [name, value] of Object.entries(annotations)) {
    size += Buffer.byteLength(name) + value.length
    if (!QUALIFIED.test(name))
      problems.push(
        new Error(
          `annotations: Invalid value: ${JSON.stringify(name)}: should be a domain with at least two segments separated by dots`,
        ),
      )
  }
  if (size > ANNOTATIONS_BYTES_MAX)
    problems.push(new Error(`total size of annotations is ${size}, which exceeds the max size of ${ANNOTATIONS_BYTES_MAX}`))
  if (problems.length > 0) throw new Error(`failed to validate annotations: ${(joined(problems) as Error).message}`)
}
