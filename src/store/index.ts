export { openEmbeddedStore } from './embedded/index.ts'
export { openMemoryStore } from './memory/index.ts'
export * from './store.ts'
