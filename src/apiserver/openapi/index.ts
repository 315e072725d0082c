export { type DocumentInput, openApiV2, openApiV3 } from './documents.ts'
export { encodeGnostic } from './gnostic.ts'
export type { Json } from './schema-json.ts'
