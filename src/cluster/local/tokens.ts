import { systemClock, systemRandom } from '#base'
import type { Client } from '#client'
import { newBundleKey, publishBundle } from '../join/server-bundle.ts'
import { createToken, deleteToken, JOINERS, listTokens, type TokenOptions, type TokenView } from '../join/token.ts'
import { publicKeyHash } from '../pki.ts'
import { readPair } from '../pki-directory.ts'
import { readConfig } from './config.ts'
import { bundleOf } from './join-server.ts'
import { pathsOf } from './paths.ts'
import { adminClient } from './up.ts'

export interface MakeTokenOptions extends Omit<TokenOptions, 'groups'> {
  readonly groups?: readonly string[] | undefined
  /** For another server instead of a node. */
  readonly controlPlane: boolean
}

/** Makes a token of the cluster in `dataDirectory`; resolves with it and with the command that joins a node, or a server, by it. */
export async function makeToken(
  dataDirectory: string,
  options: MakeTokenOptions,
): Promise<{ readonly token: string; readonly joinCommand: string }> {
  const paths = pathsOf(dataDirectory)
  const config = readConfig(paths.config)
  if (config === undefined) throw new Error("there is no cluster here; start one with 't8s up'")
  const { controlPlane: isForServers } = options
  const bundle = isForServers ? bundleOf(paths, config) : undefined
  const token = await asAdmin(dataDirectory, async (client) => {
    // Who joins as a server needs no right of a node: what it is given makes it anybody.
    const groups = options.groups ?? (isForServers ? [] : [JOINERS])
    const made = await createToken(client, { ...options, groups }, { clock: systemClock, random: systemRandom })
    if (bundle === undefined) return made
    const key = newBundleKey(systemRandom)
    await publishBundle(client, made.slice(0, 6), key, bundle, systemRandom)
    return `${made}.${key.toString('hex')}`
  })
  const server = `https://${config.advertiseAddress}:${config.apiPort}`
  const hash = publicKeyHash(readPair(paths.pki, 'server-ca').certificate)
  const as = isForServers ? 'server --join' : 'agent --server'
  return { token, joinCommand: `t8s ${as} ${server} --token ${token} --ca-cert-hash ${hash}` }
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
