import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Random } from '#base'
import { type Authority, type CertificateRequest, createAuthority, createSigningKey, type KeyPair, openAuthority } from './pki.ts'
import { writePrivateFile, writePublicFile } from './private-file.ts'
import { writeEncryption } from './secrets-encryption.ts'

/**
 * Everything a control plane proves itself with. One authority each for servers, for clients and for the front proxy, so that no
 * serving certificate can log in and no client can pose as the proxy.
 */
export interface Pki {
  /** Signs serving certificates; its certificate is what clients trust (`kube-root-ca.crt`). */
  readonly serverCA: Authority
  readonly clientCA: Authority
  readonly frontProxyCA: Authority
  readonly serviceAccountKey: { readonly privateKey: string; readonly publicKey: string }
  /** By which certificates are dated and renewed; real, whatever clock the rest of a test lives by. */
  readonly clock: Clock
  readonly random: Random
}

export const AUTHORITIES = { serverCA: 'server-ca', clientCA: 'client-ca', frontProxyCA: 'front-proxy-ca' } as const

/** A fresh set that lives in memory only. */
export async function createPki(dependencies: { clock: Clock; random: Random }): Promise<Pki> {
  const [serverCA, clientCA, frontProxyCA, serviceAccountKey] = await Promise.all([
    createAuthority('kubernetes-server-ca', dependencies),
    createAuthority('kubernetes-client-ca', dependencies),
    createAuthority('kubernetes-front-proxy-ca', dependencies),
    createSigningKey(),
  ])
  return { serverCA, clientCA, frontProxyCA, serviceAccountKey, ...dependencies }
}

/** The set kept in `directory` (0700, keys 0600), made on first use. */
export async function openPki(directory: string, dependencies: { clock: Clock; random: Random }): Promise<Pki> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const complete = join(directory, 'sa.pub')
  // The public service-account key is written last: without it the set is unfinished, and nothing can have used it yet.
  if (!existsSync(complete)) {
    const pki = await createPki(dependencies)
    for (const [name, file] of Object.entries(AUTHORITIES)) writePair(directory, file, pki[name as keyof typeof AUTHORITIES])
    writeFileSync(join(directory, 'sa.key'), pki.serviceAccountKey.privateKey, { mode: 0o600 })
    writeEncryption(directory, dependencies.random)
    writeFileSync(complete, pki.serviceAccountKey.publicKey)
    return pki
  }
  const open = (file: string): Authority => openAuthority(readPair(directory, file), dependencies)
  return {
    serverCA: open(AUTHORITIES.serverCA),
    clientCA: open(AUTHORITIES.clientCA),
    frontProxyCA: open(AUTHORITIES.frontProxyCA),
    serviceAccountKey: {
      privateKey: readFileSync(join(directory, 'sa.key'), 'utf8'),
      publicKey: readFileSync(complete, 'utf8'),
    },
    ...dependencies,
  }
}

/** Each of the two files is replaced at once; who is killed between them is found out when they are read, for they do not fit. */
export function writePair(directory: string, name: string, pair: KeyPair): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writePrivateFile(join(directory, `${name}.key`), pair.key)
  writePublicFile(join(directory, `${name}.crt`), pair.certificate)
}

export function readPair(directory: string, name: string): KeyPair {
  return {
    certificate: readFileSync(join(directory, `${name}.crt`), 'utf8'),
    key: readFileSync(join(directory, `${name}.key`), 'utf8'),
  }
}

/** Keeps a pair as one file `NAME.pem` (0600), replaced at once, so that certificate and key always fit each other. */
export function writeBundle(directory: string, name: string, pair: KeyPair): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writePrivateFile(join(directory, `${name}.pem`), pair.certificate + pair.key)
}

/** Undefined when there is none. */
export function readBundle(directory: string, name: string): KeyPair | undefined {
  const path = join(directory, `${name}.pem`)
  if (!existsSync(path)) return undefined
  const text = readFileSync(path, 'utf8')
  const key = text.slice(text.indexOf('-----BEGIN PRIVATE KEY-----'))
  return { certificate: text.slice(0, text.length - key.length), key }
}

/** The certificate requests of upstream's identities. */
export const identities = {
  apiServer: (hosts: readonly string[]): CertificateRequest => ({ commonName: 'kube-apiserver', hosts, usages: ['server'] }),
  kubeletClient: { commonName: 'kube-apiserver-kubelet-client', usages: ['client'] },
  frontProxyClient: { commonName: 'front-proxy-client', usages: ['client'] },
  admin: { commonName: 'kubernetes-admin', organizations: ['system:masters'], usages: ['client'] },
  node: (name: string): CertificateRequest => ({
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    usages: ['client'],
  }),
  kubeletServer: (name: string, hosts: readonly string[]): CertificateRequest => ({
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    hosts,
    usages: ['server'],
  }),
  proxy: { commonName: 'system:kube-proxy', usages: ['client'] },
  dns: { commonName: 'system:serviceaccount:kube-system:coredns', organizations: ['system:serviceaccounts'], usages: ['client'] },
  /** As kubeadm names them; a member is a client of the others, and of itself. */
  etcdMember: (name: string, hosts: readonly string[]): CertificateRequest => ({
    commonName: name,
    hosts,
    usages: ['server', 'client'],
  }),
  etcdClient: { commonName: 'kube-apiserver-etcd-client', usages: ['client'] },
  scheduler: { commonName: 'system:kube-scheduler', usages: ['client'] },
  controllerManager: { commonName: 'system:kube-controller-manager', usages: ['client'] },
} as const satisfies Record<string, CertificateRequest | ((...parameters: never[]) => CertificateRequest)>
