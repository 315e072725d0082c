export * from './shelves.ts'
export * from './test-api-server.ts'
export * from './test-cluster.ts'
export * from './transports.ts'
