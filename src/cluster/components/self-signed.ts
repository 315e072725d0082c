import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock, Random } from '#base'
import { createAuthority, type KeyPair } from '../pki.ts'
import { readPair, writePair } from '../pki-directory.ts'

/** The serving certificate `name` in `directory`, made once from an authority that nobody keeps, for components that were given none. */
export async function selfSigned(
  directory: string,
  name: string,
  hosts: readonly string[],
  dependencies: { readonly clock: Clock; readonly random: Random },
): Promise<KeyPair> {
  if (!existsSync(join(directory, `${name}.crt`))) {
    const authority = await createAuthority(`${hosts[0]}-ca@${Math.floor(dependencies.clock.now() / 1000)}`, dependencies)
    const pair = await authority.issue({ commonName: hosts[0] ?? name, hosts, usages: ['server'] })
    writePair(directory, name, { key: pair.key, certificate: pair.certificate + authority.certificate })
  }
  return readPair(directory, name)
}
