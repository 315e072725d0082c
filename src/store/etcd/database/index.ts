export { BoltError, FileSource } from './bolt-reader.ts'
export {
  type EtcdDatabaseStatus,
  etcdDatabaseRevision,
  etcdDatabaseStatus,
  readEtcdDatabase,
  writeEtcdDatabase,
} from './etcd-database.ts'
