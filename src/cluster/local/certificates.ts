import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { callControl } from '../control-socket.ts'
import { validityOf } from '../join/managed-certificate.ts'
import { AUTHORITIES, readBundle } from '../pki-directory.ts'
import { readConfig } from './config.ts'
import { nodesOf } from './node-file.ts'
import { agentSocket, type Paths, pathsOf, serverSocket } from './paths.ts'

export interface CertificateView {
  /** `apiserver`, `admin`, `node-1/kubelet` … */
  readonly name: string
  readonly endMs: number
  /** Of who issued it; '' for authorities themselves. */
  readonly authority: string
}

/** Every certificate of this machine: authorities, those of the running control plane, the administrator's and each node's. */
export async function certificatesOf(dataDirectory: string): Promise<CertificateView[]> {
  const paths = pathsOf(dataDirectory)
  requireCluster(paths)
  const read = (name: string): { name: string; certificate: string }[] => {
    const path = join(paths.pki, `${name}.crt`)
    return existsSync(path) ? [{ name, certificate: readFileSync(path, 'utf8') }] : []
  }
  const running = ((await callControl(serverSocket(paths), 'certificates')) ?? []) as { name: string; certificate?: string }[]
  const found = [
    ...Object.values(AUTHORITIES).flatMap(read),
    ...(running.length === 0 ? read('admin') : running),
    ...nodesOf(paths).flatMap((node) => nodeBundles(paths, node)),
  ]
  return found.flatMap(({ name, certificate }) => (certificate === undefined ? [] : viewOf(name, certificate)))
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

function nodeBundles(paths: Paths, node: string): { name: string; certificate: string }[] {
  const { pki } = paths.node(node)
  return readdirSync(pki)
    .filter((file) => file.endsWith('.pem'))
    .map((file) => file.slice(0, -'.pem'.length))
    .sort()
    .map((name) => ({ name: `${node}/${name}`, certificate: readBundle(pki, name)!.certificate }))
}

function viewOf(name: string, certificate: string): CertificateView {
  const { issuer, ca } = new X509Certificate(certificate)
  return { name, endMs: validityOf({ certificate }).endMs, authority: ca ? '' : (/CN=(.+)/.exec(issuer)?.[1] ?? issuer) }
}
