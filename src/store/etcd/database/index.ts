export { BoltError } from './bolt-reader.ts'
export { type EtcdDatabaseStatus, etcdDatabaseStatus, readEtcdDatabase, writeEtcdDatabase } from './etcd-database.ts'
