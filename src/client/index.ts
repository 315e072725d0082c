export * from './client.ts'
export * from './sources.ts'
export * from './transport.ts'
