export * from './schema.ts'
export * from './status.ts'
export * from './types.ts'
