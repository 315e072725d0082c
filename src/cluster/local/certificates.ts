import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { callControl } from '../control-socket.ts'
import { ETCD_CA, ETCD_CLIENT } from '../etcd/local-member.ts'
import { readMember } from '../etcd/member-file.ts'
import { validityOf } from '../join/managed-certificate.ts'
import { AUTHORITIES, readBundle } from '../pki-directory.ts'
import { readConfig } from './config.ts'
import { nodesOf } from './node-file.ts'
import { agentSocket, type Paths, pathsOf, serverSocket } from './paths.ts'

export interface CertificateView {
  /** `apiserver`, `admin`, `etcd-server`, `node-1/kubelet` … */
  readonly name: string
  /** Undefined when there is none that could be read. */
  readonly endMs?: number | undefined
  /** Of who issued it; '' for authorities themselves. */
  readonly authority: string
  /** A sentence about what is wrong with it besides its end. */
  readonly problem?: string | undefined
}

interface Found {
  readonly name: string
  /** Where it is, or would be. */
  readonly path: string
  /** Undefined: it is not there. */
  readonly certificate: string | undefined
  readonly isAuthority?: boolean
}

/** Every certificate of this machine: authorities, those of the running control plane, the administrator's, etcd's and each node's. */
export async function certificatesOf(dataDirectory: string): Promise<CertificateView[]> {
  const paths = pathsOf(dataDirectory)
  requireCluster(paths)
  const isServer = readConfig(paths.config) !== undefined
  const authorities = isServer ? authoritiesOf(paths) : []
  const running = ((await callControl(serverSocket(paths), 'certificates')) ?? []) as { name: string; certificate?: string }[]
  const shown = running.map(({ name, certificate }): Found => ({ name, path: 'the control plane', certificate }))
  const kept = isServer ? keptOnServer(paths).filter(({ name }) => !shown.some((each) => each.name === name)) : []
  const all = [...authorities, ...shown, ...kept, ...nodesOf(paths).flatMap((node) => nodeBundles(paths, node))]
  const issuers = authorities.flatMap(({ certificate }) => (certificate === undefined ? [] : parsed(certificate)))
  return all.map((each) => viewOf(each, issuers))
}

/** Renews everything but the authorities, without a restart. Resolves with the names; what does not run renews itself when it starts. */
export async function renewCertificates(dataDirectory: string, progress: (step: string) => void): Promise<string[]> {
  const paths = pathsOf(dataDirectory)
  requireCluster(paths)
  const renewed: string[] = []
  if (readConfig(paths.config) !== undefined) {
    const names = (await callControl(serverSocket(paths), 'renew')) as string[] | undefined
    if (names === undefined)
      throw new Error("the control plane does not run; start it with 't8s up', which renews what has expired")
    renewed.push(...names)
  }
  for (const node of nodesOf(paths)) {
    const names = (await callControl(agentSocket(paths, node), 'renew')) as { name: string }[] | undefined
    if (names === undefined) progress(`node ${node} does not run; it renews its certificates when it starts`)
    else renewed.push(...names.map(({ name }) => `${node}/${name}`))
  }
  return renewed
}

function requireCluster(paths: Paths): void {
  if (readConfig(paths.config) === undefined && nodesOf(paths).length === 0)
    throw new Error("there is no cluster here; start one with 't8s up'")
}

function authoritiesOf(paths: Paths): Found[] {
  const names = [...Object.values(AUTHORITIES), ...(readMember(paths) === undefined ? [] : [ETCD_CA])]
  return names.map((name) => ({ ...inFile(paths.pki, name), isAuthority: true }))
}

/** What a control plane finds again when it starts. */
function keptOnServer(paths: Paths): Found[] {
  const member = ['server', 'peer'].map((name) => ({ ...inFile(paths.etcd, name), name: `etcd-${name}` }))
  return [
    ...(readMember(paths) === undefined ? [] : [...member, inFile(paths.pki, ETCD_CLIENT)]),
    // Made when the control plane has served for the first time.
    ...[inFile(paths.pki, 'admin')].filter(({ certificate }) => certificate !== undefined),
  ]
}

const inFile = (directory: string, name: string): Found => {
  const path = join(directory, `${name}.crt`)
  return { name, path, certificate: existsSync(path) ? readFileSync(path, 'utf8') : undefined }
}

function nodeBundles(paths: Paths, node: string): Found[] {
  const { pki } = paths.node(node)
  const files = existsSync(pki) ? readdirSync(pki).filter((file) => file.endsWith('.pem')) : []
  // Without this one the node has to join again; the others it asks for by it.
  const names = new Set(['kubelet', ...files.map((file) => file.slice(0, -'.pem'.length))])
  return [...names].sort().map((name) => ({
    name: `${node}/${name}`,
    path: join(pki, `${name}.pem`),
    certificate: readBundle(pki, name)?.certificate,
  }))
}

function viewOf({ name, path, certificate, isAuthority = false }: Found, issuers: readonly X509Certificate[]): CertificateView {
  if (certificate === undefined) return { name, authority: '', problem: `${path} is missing` }
  const [found] = parsed(certificate)
  if (found === undefined) return { name, authority: '', problem: `${path} holds no certificate` }
  const { issuer, ca } = found
  const { endMs } = validityOf({ certificate })
  const authority = ca ? '' : (/CN=(.+)/.exec(issuer)?.[1] ?? issuer)
  if (isAuthority && !ca) return { name, endMs, authority, problem: `${path} is no authority` }
  const isOurs = ca || issuers.length === 0 || issuers.some((each) => found.checkIssued(each) && found.verify(each.publicKey))
  return { name, endMs, authority, ...(!isOurs && { problem: `${path} was issued by no authority of this cluster` }) }
}

function parsed(certificate: string): X509Certificate[] {
  try {
    return [new X509Certificate(certificate)]
  } catch {
    return []
  }
}
