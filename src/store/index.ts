export { FILE as EMBEDDED_STORE_FILE, openEmbeddedStore } from './embedded/index.ts'
export { type EtcdOptions, type EtcdTls, openEtcdStore, parseEndpoint } from './etcd/index.ts'
export { openMemoryStore } from './memory/index.ts'
export * from './store.ts'
