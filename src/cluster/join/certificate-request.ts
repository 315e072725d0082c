import { isIP } from 'node:net'
import { loadX509 } from '#controllers'
import { exportKey, SIGNING } from '../pki.ts'

export interface RequestInput {
  readonly commonName: string
  readonly organizations?: readonly string[]
  /** DNS names and IP addresses. */
  readonly hosts?: readonly string[]
}

/** A new private key (ECDSA P-256) and a PKCS#10 request for it, both PEM. The key has been nowhere else. */
export async function createCertificateRequest(input: RequestInput): Promise<{ readonly request: string; readonly key: string }> {
  const x509 = await loadX509()
  const keys = await crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
  const hosts = input.hosts ?? []
  const names = new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })))
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [...(input.organizations ?? []).map((organization) => ({ O: [organization] })), { CN: [input.commonName] }],
    keys,
    signingAlgorithm: SIGNING,
    extensions: hosts.length > 0 ? [names] : [],
  })
  return { request: `${request.toString('pem')}\n`, key: await exportKey(keys.privateKey) }
}
