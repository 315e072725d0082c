export type { EncryptedStore } from './encrypted-store.ts'
export { Encryption, type EncryptionOptions } from './encryption.ts'
