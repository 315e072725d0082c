import {
  BOOTSTRAP_TOKEN_NAMESPACE,
  BOOTSTRAP_TOKEN_PREFIX,
  BOOTSTRAP_TOKEN_TYPE,
  BOOTSTRAP_USAGES,
  type BootstrapUsage,
  bootstrapTokenAllows,
  bootstrapTokenExpiryMs,
  bootstrapTokenOf,
  CLUSTER_INFO,
  configMaps,
  parseBootstrapToken,
  type Secret,
  SIGNATURE_PREFIX,
  secrets,
  secretText,
} from '#api'
import type { Clock, Random } from '#base'
import type { Client } from '#client'
import { formatTime, isAlreadyExists, isNotFound } from '#meta'

/** As kubeadm has it, so that its tokens and ours are the same. */
export const JOINERS = 'system:bootstrappers:kubeadm:default-node-token'

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'
/** The signer answers within milliseconds; one that takes longer does not run. */
const SIGNED_WITHIN_SECONDS = 10

export interface TokenOptions {
  /** `abcdef.0123456789abcdef`; made when absent. */
  readonly token?: string | undefined
  /** 0: never expires. */
  readonly ttlMs: number
  readonly description?: string | undefined
  readonly groups: readonly string[]
  readonly usages: readonly BootstrapUsage[]
}

export interface TokenView {
  readonly token: string
  readonly expiresAtMs: number | undefined
  readonly usages: readonly BootstrapUsage[]
  readonly description: string
  readonly groups: readonly string[]
}

/** Makes a bootstrap token; resolves once `cluster-info` is signed with it, so that who gets it can join at once. */
export async function createToken(
  client: Client,
  options: TokenOptions,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<string> {
  const made = options.token ?? `${word(random, 6)}.${word(random, 16)}`
  const token = parseBootstrapToken(made)
  if (token === undefined) throw new Error(`a token has the form abcdef.0123456789abcdef, which '${made}' has not`)
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: BOOTSTRAP_TOKEN_NAMESPACE, name: `${BOOTSTRAP_TOKEN_PREFIX}${token.id}` },
    type: BOOTSTRAP_TOKEN_TYPE,
    stringData: {
      'token-id': token.id,
      'token-secret': token.secret,
      ...(options.ttlMs > 0 && { expiration: formatTime(clock.now() + options.ttlMs) }),
      ...(options.description && { description: options.description }),
      ...(options.groups.length > 0 && { 'auth-extra-groups': options.groups.join(',') }),
      ...Object.fromEntries(options.usages.map((usage) => [`usage-bootstrap-${usage}`, 'true'])),
    },
  }
  try {
    await client.create(secrets, secret)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    throw new Error(
      `there is a token with the id ${token.id} already; delete it with 't8s token delete ${token.id}', or choose another`,
      {
        cause: error,
      },
    )
  }
  if (options.usages.includes('signing')) await untilSigned(client, token.id)
  return made
}

export async function listTokens(client: Client): Promise<TokenView[]> {
  const { items } = await client.list(secrets, {
    namespace: BOOTSTRAP_TOKEN_NAMESPACE,
    fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}`,
  })
  return items.flatMap((secret) => {
    const token = bootstrapTokenOf(secret)
    if (token === undefined) return []
    return {
      token: `${token.id}.${token.secret}`,
      expiresAtMs: bootstrapTokenExpiryMs(secret),
      usages: BOOTSTRAP_USAGES.filter((usage) => bootstrapTokenAllows(secret, usage)),
      description: secretText(secret, 'description'),
      groups: secretText(secret, 'auth-extra-groups')
        .split(',')
        .filter((group) => group !== ''),
    }
  })
}

/** Deletes a token by its id or by the whole of it. */
export async function deleteToken(client: Client, tokenOrId: string): Promise<void> {
  const id = parseBootstrapToken(tokenOrId)?.id ?? tokenOrId
  if (!/^[a-z0-9]{6}$/.test(id)) throw new Error(`a token's id has six characters of a-z and 0-9, which '${tokenOrId}' has not`)
  try {
    await client.delete(secrets, `${BOOTSTRAP_TOKEN_NAMESPACE}/${BOOTSTRAP_TOKEN_PREFIX}${id}`)
  } catch (error) {
    if (!isNotFound(error)) throw error
    throw new Error(`there is no token with the id ${id}; see 't8s token list'`, { cause: error })
  }
}

function word(random: Random, length: number): string {
  return Array.from({ length }, () => ALPHABET[random.int(ALPHABET.length)]).join('')
}

async function untilSigned(client: Client, id: string): Promise<void> {
  const { namespace, name } = CLUSTER_INFO
  const isSigned = (data: Readonly<Record<string, string>> | undefined): boolean =>
    data?.[`${SIGNATURE_PREFIX}${id}`] !== undefined
  const info = await client.find(configMaps, `${namespace}/${name}`)
  // A cluster that publishes no such thing signs nothing; its tokens may be for something else.
  if (info === undefined || isSigned(info.data)) return
  const events = client.watch(configMaps, {
    namespace,
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: info.metadata?.resourceVersion,
    timeoutSeconds: SIGNED_WITHIN_SECONDS,
  })
  for await (const event of events) if (event.type !== 'BOOKMARK' && isSigned(event.object.data)) return
  throw new Error(
    `the token was made, but cluster-info was not signed with it within ${SIGNED_WITHIN_SECONDS} seconds; see 't8s logs server'`,
  )
}
