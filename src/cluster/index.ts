export { type Authority, createAuthority, type KeyPair } from './pki.ts'
