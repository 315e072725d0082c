import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { EtcdAccess } from '#cluster'

export interface EtcdOptions {
  readonly etcdCafile?: string
  readonly etcdCertfile?: string
  readonly etcdKeyfile?: string
  readonly etcdPrefix?: string
}

/** The flags by which an etcd cluster is reached, named as upstream's. */
export const withEtcdOptions = (command: Command): Command =>
  command
    .option('--etcd-cafile <file>', "authority of the etcd members' certificates")
    .option('--etcd-certfile <file>', 'how etcd knows this server')
    .option('--etcd-keyfile <file>', 'its key')
    .option('--etcd-prefix <prefix>', 'instead of /registry, where everything is kept in etcd')

/** Undefined when nothing was said. Paths are made absolute, since another process may read them. */
export function etcdAccessOf({ etcdCafile, etcdCertfile, etcdKeyfile, etcdPrefix }: EtcdOptions): EtcdAccess | undefined {
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(path))
  const access = { caFile: file(etcdCafile), certFile: file(etcdCertfile), keyFile: file(etcdKeyfile), prefix: etcdPrefix }
  return Object.values(access).every((each) => each === undefined) ? undefined : access
}
