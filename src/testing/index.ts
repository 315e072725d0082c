export * from './shelves.ts'
export * from './test-api-server.ts'
