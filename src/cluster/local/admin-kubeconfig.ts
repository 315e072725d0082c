import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { inlineKubeconfig, type Kubeconfig, writeKubeconfig } from '#client'
import { identities, type Pki, readPair, writePair } from '../pki-directory.ts'
import type { ClusterConfig } from './config.ts'
import type { Paths } from './paths.ts'

/** Writes the administrator's kubeconfig (0600) into the data directory, with a certificate that is issued once. */
export async function adminKubeconfig(paths: Paths, config: ClusterConfig, pki: Pki): Promise<Kubeconfig> {
  if (!existsSync(join(paths.pki, 'admin.crt'))) writePair(paths.pki, 'admin', await pki.clientCA.issue(identities.admin))
  const admin = readPair(paths.pki, 'admin')
  const kubeconfig = inlineKubeconfig({
    name: 't8s',
    server: `https://127.0.0.1:${config.apiPort}`,
    ca: pki.serverCA.certificate,
    ...admin,
  })
  await writeKubeconfig(paths.kubeconfig, kubeconfig)
  return kubeconfig
}
