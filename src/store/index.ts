export { type ContentSink, ContentSpool } from './content-spool.ts'
export type { Disk, DiskFile, OpenMode, Space } from './embedded/disk.ts'
export { writeFirstFormat } from './embedded/first-format.ts'
export { type EmbeddedStoreOptions, FILE as EMBEDDED_STORE_FILE, openEmbeddedStore } from './embedded/index.ts'
export { readSavedStore } from './embedded/saved.ts'
export {
  type EtcdDatabaseStatus,
  etcdDatabaseRevision,
  etcdDatabaseStatus,
  FileSource as EtcdDatabaseFile,
  readEtcdDatabase,
  writeEtcdDatabase,
} from './etcd/database/index.ts'
export {
  ChangingEndpoints,
  type EtcdAdmin,
  type EtcdMember,
  type EtcdOptions,
  type EtcdTls,
  openEtcdAdmin,
  openEtcdStore,
  parseEndpoint,
} from './etcd/index.ts'
export { openMemoryStore } from './memory/index.ts'
export * from './store.ts'
