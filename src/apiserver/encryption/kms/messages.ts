import { type FieldFact, ProtobufCodec, type Reader, type Writer } from '#meta'

/** Bytes as they are; the codec's own `bytes` are base64, as JSON has them. */
const RAW = 'raw'

/** Of the KMS v2 plugin API, and what is stored of a value (https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/). */
const MESSAGES: Readonly<Record<string, readonly FieldFact[]>> = {
  StatusRequest: [],
  StatusResponse: [
    { name: 'version', number: 1, type: 'string' },
    { name: 'healthz', number: 2, type: 'string' },
    { name: 'keyId', number: 3, type: 'string' },
  ],
  EncryptRequest: [
    { name: 'plaintext', number: 1, type: RAW },
    { name: 'uid', number: 2, type: 'string' },
  ],
  EncryptResponse: [
    { name: 'ciphertext', number: 1, type: RAW },
    { name: 'keyId', number: 2, type: 'string' },
    { name: 'annotations', number: 3, type: '', map: ['string', RAW] },
  ],
  DecryptRequest: [
    { name: 'ciphertext', number: 1, type: RAW },
    { name: 'uid', number: 2, type: 'string' },
    { name: 'keyId', number: 3, type: 'string' },
    { name: 'annotations', number: 4, type: '', map: ['string', RAW] },
  ],
  DecryptResponse: [{ name: 'plaintext', number: 1, type: RAW }],
  EncryptedObject: [
    { name: 'encryptedData', number: 1, type: RAW },
    { name: 'keyId', number: 2, type: 'string' },
    { name: 'encryptedDEKSource', number: 3, type: RAW },
    { name: 'annotations', number: 4, type: '', map: ['string', RAW] },
    { name: 'encryptedDEKSourceType', number: 5, type: 'int32' },
  ],
}

export type Annotations = Readonly<Record<string, Uint8Array>>

export interface StatusResponse {
  readonly version?: string
  readonly healthz?: string
  readonly keyId?: string
}

export interface EncryptResponse {
  readonly ciphertext?: Uint8Array
  readonly keyId?: string
  readonly annotations?: Annotations
}

export interface DecryptRequest {
  readonly ciphertext: Uint8Array
  readonly uid: string
  readonly keyId: string
  readonly annotations?: Annotations | undefined
}

/** What is stored of one value. */
export interface EncryptedObject {
  readonly encryptedData?: Uint8Array
  readonly keyId?: string
  /** A data key, or the seed of many, as the plugin encrypted it. */
  readonly encryptedDEKSource?: Uint8Array
  readonly annotations?: Annotations | undefined
  /** 0: a key; 1: a seed. */
  readonly encryptedDEKSourceType?: number
}

export const DEK_KEY = 0
export const DEK_SEED = 1

export const kmsCodec = new ProtobufCodec({
  fieldsOf(message) {
    const known = MESSAGES[message]
    if (known === undefined) throw new TypeError(`KMS has no message ${message}`)
    return known
  },
  special: (message) =>
    message === RAW
      ? {
          write: (writer: Writer, value: unknown) => value !== undefined && writer.bytes(value as Uint8Array),
          read: (reader: Reader, end: number) => reader.bytes(end),
        }
      : undefined,
})
