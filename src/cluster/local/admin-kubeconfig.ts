import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '#base'
import { inlineKubeconfig, writeKubeconfig } from '#client'
import { type CertificateStore, ManagedCertificate } from '../join/managed-certificate.ts'
import type { KeyPair } from '../pki.ts'
import { identities, type Pki, readPair, writePair } from '../pki-directory.ts'
import type { ClusterConfig } from './config.ts'
import type { Paths } from './paths.ts'

const NAME = 'admin'

/** Keeps the administrator's kubeconfig (0600) in the data directory, with a certificate that is renewed as long as the control plane runs. */
export async function keepAdminKubeconfig(
  paths: Paths,
  config: ClusterConfig,
  { pki, log }: { readonly pki: Pki; readonly log: Log },
): Promise<ManagedCertificate> {
  const obtain = (): Promise<KeyPair> => pki.clientCA.issue(identities.admin)
  const store: CertificateStore = {
    read: () => (existsSync(join(paths.pki, `${NAME}.crt`)) ? readPair(paths.pki, NAME) : undefined),
    write: (pair) => writePair(paths.pki, NAME, pair),
  }
  const admin = new ManagedCertificate({
    name: NAME,
    obtain,
    store,
    authority: pki.clientCA.certificate,
    clock: pki.clock,
    random: pki.random,
    log,
  })
  const write = (pair: KeyPair): Promise<void> =>
    writeKubeconfig(
      paths.kubeconfig,
      inlineKubeconfig({
        name: 't8s',
        server: `https://127.0.0.1:${config.apiPort}`,
        ca: pki.serverCA.certificate,
        ...pair,
      }),
    )
  admin.start()
  await write(await admin.ready())
  admin.onChange((pair) => void write(pair).catch((error: unknown) => log.error('The kubeconfig was not renewed', { error })))
  return admin
}
