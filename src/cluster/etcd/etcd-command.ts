import { join } from 'node:path'
import { findProgram } from '../node/packages.ts'
import { clientURLOf, type MemberFile, peerURLOf } from './member-file.ts'

export interface EtcdCommandInput {
  readonly member: MemberFile
  readonly dataDirectory: string
  /** Holds `server.crt`, `server.key`, `peer.crt`, `peer.key`. */
  readonly certificates: string
  /** PEM file of the authority of all members and clients. */
  readonly caFile: string
  /** `name=peerURL` of every member, itself too; read only while there is no data. */
  readonly initialCluster: string
  readonly initialState: 'new' | 'existing'
  readonly token: string
}

/** The words that run a member, which ends together with this process: one that stayed would hold ports and files against the next. */
export function etcdCommand(input: EtcdCommandInput): string[] {
  const { member, dataDirectory, certificates, caFile } = input
  const file = (name: string): string => join(certificates, name)
  const flags: Readonly<Record<string, string>> = {
    name: member.name,
    'data-dir': dataDirectory,
    'listen-client-urls': [...new Set([clientURLOf(member), clientURLOf({ ...member, address: '127.0.0.1' })])].join(),
    'advertise-client-urls': clientURLOf(member),
    'listen-peer-urls': peerURLOf(member),
    'initial-advertise-peer-urls': peerURLOf(member),
    'initial-cluster': input.initialCluster,
    'initial-cluster-state': input.initialState,
    'initial-cluster-token': input.token,
    'cert-file': file('server.crt'),
    'key-file': file('server.key'),
    'trusted-ca-file': caFile,
    'client-cert-auth': 'true',
    'peer-cert-file': file('peer.crt'),
    'peer-key-file': file('peer.key'),
    'peer-trusted-ca-file': caFile,
    'peer-client-cert-auth': 'true',
    'experimental-initial-corrupt-check': 'true',
    logger: 'zap',
    'log-level': 'warn',
  }
  const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  return [program('setpriv'), '--pdeathsig', 'KILL', program('etcd'), ...words]
}

function program(name: string): string {
  const found = findProgram(name)
  if (found === undefined) throw new Error(`the program ${name} is missing; install etcd-server and util-linux`)
  return found
}
