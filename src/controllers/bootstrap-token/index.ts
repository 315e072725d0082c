export { tokenCleaner } from './cleaner.ts'
export { isSignedBy, signatureOf } from './signature.ts'
export { bootstrapSigner } from './signer.ts'
