import { systemClock, systemRandom } from '#base'
import type { Client } from '#client'
import { createToken, deleteToken, JOINERS, listTokens, type TokenOptions, type TokenView } from '../join/token.ts'
import { publicKeyHash } from '../pki.ts'
import { readPair } from '../pki-directory.ts'
import { readConfig } from './config.ts'
import { pathsOf } from './paths.ts'
import { adminClient } from './up.ts'

/** Makes a token of the cluster in `dataDirectory`; resolves with it and with the command that joins a node by it. */
export async function makeToken(
  dataDirectory: string,
  options: Omit<TokenOptions, 'groups'> & { readonly groups?: readonly string[] | undefined },
): Promise<{ readonly token: string; readonly joinCommand: string }> {
  const paths = pathsOf(dataDirectory)
  const config = readConfig(paths.config)
  if (config === undefined) throw new Error("there is no cluster here; start one with 't8s up'")
  const token = await asAdmin(dataDirectory, (client) =>
    createToken(client, { ...options, groups: options.groups ?? [JOINERS] }, { clock: systemClock, random: systemRandom }),
  )
  const server = `https://${config.advertiseAddress}:${config.apiPort}`
  const hash = publicKeyHash(readPair(paths.pki, 'server-ca').certificate)
  return { token, joinCommand: `t8s agent --server ${server} --token ${token} --ca-cert-hash ${hash}` }
}

export const tokensOf = (dataDirectory: string): Promise<TokenView[]> => asAdmin(dataDirectory, listTokens)

export const removeToken = (dataDirectory: string, token: string): Promise<void> =>
  asAdmin(dataDirectory, (client) => deleteToken(client, token))

async function asAdmin<T>(dataDirectory: string, work: (client: Client) => Promise<T>): Promise<T> {
  const { client, dispose } = await adminClient(pathsOf(dataDirectory))
  try {
    return await work(client)
  } finally {
    await dispose()
  }
}
