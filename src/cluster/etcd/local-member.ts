import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Log, Random } from '#base'
import { ChangingEndpoints, type EtcdAdmin, type EtcdMember, openEtcdAdmin } from '#store'
import { type CertificateStore, ManagedCertificate } from '../join/managed-certificate.ts'
import type { Paths } from '../local/paths.ts'
import { type Authority, type CertificateRequest, openAuthority } from '../pki.ts'
import { identities, readPair, writePair } from '../pki-directory.ts'
import { etcdCommand } from './etcd-command.ts'
import { EtcdProcess } from './etcd-process.ts'
import { type MemberFile, peerURLOf, readMember, writeMember } from './member-file.ts'
import { addAsLearner, clientURLsOf, promote } from './membership.ts'

/** Of all members and clients of the cluster's etcd; in the directory of the other authorities. */
export const ETCD_CA = 'etcd-ca'
/** What API servers, and operators with etcdctl, show to etcd. */
export const ETCD_CLIENT = 'apiserver-etcd-client'

/** The etcd member of this machine, running, and how the cluster is reached. */
export interface LocalMember extends AsyncDisposable {
  readonly name: string
  /** The member of this machine first. Follows the cluster's members and the client certificate. */
  readonly endpoints: ChangingEndpoints
  /** By `etcd-server`, `etcd-peer`, `apiserver-etcd-client`. */
  readonly certificates: readonly ManagedCertificate[]
  /** Of etcd, while it runs. */
  readonly pid: number | undefined
  /** An operator's connection to the whole cluster. */
  openAdmin(): Promise<EtcdAdmin>
  /** Told who the members are now. */
  follow(members: readonly EtcdMember[]): void
  /** Told that etcd has answered as a cluster: from now on its data is counted on. */
  established(): void
}

export interface LocalMemberOptions {
  readonly paths: Paths
  /** Tells this cluster's members from another's. */
  readonly clusterId: string
  readonly onRemoved: (error: Error) => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Starts this machine's member, and makes it one of the cluster first if it is not yet. Throws a sentence. */
export async function startLocalMember(options: LocalMemberOptions): Promise<LocalMember> {
  const { paths, clock, random, log } = options
  let own = readMember(paths)
  if (own === undefined) throw new Error(`${paths.etcd} holds no etcd member, although the cluster's store is one`)
  const dataDirectory = join(paths.etcd, 'data')
  // Its log, which it begins when it has found its place in the cluster.
  const hasData = existsSync(join(dataDirectory, 'member', 'wal'))
  if (own.phase === 'member' && !hasData) throw new Error(dataIsGone(own, dataDirectory))
  await using stack = new AsyncDisposableStack()
  const stopping = new AbortController()
  stack.defer(() => stopping.abort(new DOMException('the member stops', 'AbortError')))
  const issued = await issueCertificates(stack, own, options)
  const caFile = join(paths.pki, `${ETCD_CA}.crt`)
  const tls = () => ({ ca: issued.ca.certificate, ...issued.client.current! })
  const endpoints = new ChangingEndpoints({ servers: [...clientURLsOf([], own), ...own.others], tls: tls() })
  stack.use(issued.client.onChange(() => endpoints.replace({ tls: tls() })))
  const openAdmin = (servers: ChangingEndpoints | readonly string[] = endpoints): Promise<EtcdAdmin> =>
    openEtcdAdmin({ servers, tls: tls(), clock, random })
  const context = { clock, log, signal: stopping.signal }
  const peers = own.phase === 'joining' && !hasData ? await joinCluster(own, openAdmin, context) : `${own.name}=${peerURLOf(own)}`
  const update = (change: Partial<MemberFile>): void => {
    own = { ...own!, ...change }
    writeMember(paths, own)
  }
  const etcd = stack.use(
    new EtcdProcess({
      command: etcdCommand({
        member: own,
        dataDirectory,
        certificates: paths.etcd,
        caFile,
        initialCluster: peers,
        initialState: own.phase === 'first' ? 'new' : 'existing',
        token: options.clusterId,
      }),
      dataDirectory,
      logFile: join(paths.logs, 'etcd.log'),
      isRemoved: () => isRemoved(own!, openAdmin),
      onRemoved: () => options.onRemoved(new Error(wasRemoved(own!, paths))),
      clock,
      random,
      log,
    }),
  )
  etcd.start()
  if (own.phase === 'joining') {
    using admin = await openAdmin(own.others)
    await promote(admin, own, context)
    update({ phase: 'member' })
    log.info('This machine is a member of etcd', { name: own.name })
  }
  const owned = stack.move()
  return {
    name: own.name,
    endpoints,
    certificates: issued.all,
    get pid() {
      return etcd.pid
    },
    openAdmin: () => openAdmin(),
    follow(members) {
      const [near, ...others] = clientURLsOf(members, own)
      if (others.join() === own!.others.join()) return
      update({ others })
      endpoints.replace({ servers: [near!, ...others] })
      log.info('The members of etcd are others now', { others })
    },
    established: () => own!.phase === 'first' && update({ phase: 'member' }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Adds the member to the cluster; resolves with what it is to be told of the others. */
async function joinCluster(
  own: MemberFile,
  openAdmin: (servers: readonly string[]) => Promise<EtcdAdmin>,
  context: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<string> {
  using admin = await openAdmin(own.others)
  const members = await addAsLearner(admin, own, context)
  return members
    .flatMap(({ id, name, peerURLs }) =>
      peerURLs.map((url) => `${url === peerURLOf(own) ? own.name : name || id.toString(16)}=${url}`),
    )
    .join()
}

/** Whether the others know this member no more. While they can't be asked it is not. */
async function isRemoved(own: MemberFile, openAdmin: (servers: readonly string[]) => Promise<EtcdAdmin>): Promise<boolean> {
  if (own.others.length === 0 || own.phase !== 'member') return false
  using admin = await openAdmin(own.others)
  try {
    return !(await admin.members()).some(({ peerURLs }) => peerURLs.includes(peerURLOf(own)))
  } catch {
    return false
  }
}

interface Issued {
  readonly ca: Authority
  readonly client: ManagedCertificate
  readonly all: readonly ManagedCertificate[]
}

/** etcd reads its certificates anew for each connection, so they are renewed while it runs. */
async function issueCertificates(stack: AsyncDisposableStack, own: MemberFile, options: LocalMemberOptions): Promise<Issued> {
  const { paths, clock, random, log } = options
  const ca = openAuthority(readPair(paths.pki, ETCD_CA), { clock, random })
  const keep = (name: string, directory: string, file: string, request: CertificateRequest): ManagedCertificate => {
    const store: CertificateStore = {
      read: () => (existsSync(join(directory, `${file}.crt`)) ? readPair(directory, file) : undefined),
      write: (pair) => writePair(directory, file, pair),
    }
    const obtain = () => ca.issue(request)
    const authority = ca.certificate
    const certificate = stack.use(new ManagedCertificate({ name, obtain, store, authority, clock, random, log }))
    certificate.start()
    return certificate
  }
  const member = identities.etcdMember(own.name, [...new Set([own.address, '127.0.0.1', 'localhost'])])
  const client = keep(ETCD_CLIENT, paths.pki, ETCD_CLIENT, identities.etcdClient)
  const all = [keep('etcd-server', paths.etcd, 'server', member), keep('etcd-peer', paths.etcd, 'peer', member), client]
  await Promise.all(all.map((certificate) => certificate.ready()))
  return { ca, client, all }
}

const dataIsGone = ({ name }: MemberFile, directory: string): string =>
  `the data of etcd member ${name} is gone from ${directory}, and beginning again without it could lose what the cluster was told; on another server run 't8s member remove ${name}', here 't8s reset --yes', and join again`

const wasRemoved = ({ name }: MemberFile, { root }: Paths): string =>
  `etcd member ${name} was removed from the cluster; delete what it kept with 't8s reset --yes --data-dir ${root}', and join again with a new token if it shall come back`
