import type { Clock, Random } from '#base'
import { certificateProblem } from '../join/managed-certificate.ts'
import { createAuthority, type KeyPair } from '../pki.ts'
import { readPair, writePair } from '../pki-directory.ts'

/** The serving certificate `name` in `directory`, made from an authority that nobody keeps, for components that were given none: once, and again at a start after its end. */
export async function selfSigned(
  directory: string,
  name: string,
  hosts: readonly string[],
  dependencies: { readonly clock: Clock; readonly random: Random },
): Promise<KeyPair> {
  const kept = usable(directory, name, dependencies.clock)
  if (kept !== undefined) return kept
  const authority = await createAuthority(`${hosts[0]}-ca@${Math.floor(dependencies.clock.now() / 1000)}`, dependencies)
  const pair = await authority.issue({ commonName: hosts[0] ?? name, hosts, usages: ['server'] })
  const made = { key: pair.key, certificate: pair.certificate + authority.certificate }
  writePair(directory, name, made)
  return made
}

function usable(directory: string, name: string, clock: Clock): KeyPair | undefined {
  try {
    const kept = readPair(directory, name)
    return certificateProblem(kept, { nowMs: clock.now() }) === undefined ? kept : undefined
  } catch {
    return undefined
  }
}
