import { type ServiceAccount, serviceAccounts, type TokenRequest } from '#api'
import type { Clock } from '#base'
import type { Client } from '#client'
import { isAlreadyExists } from '#meta'

const NAMESPACE = 'kube-system'
const EXPIRATION_SECONDS = 3600
/** A token is replaced when this much of its life is over. */
const REFRESH_AT = 0.8

/**
 * Gives the current token of `kube-system/NAME`, asked for by TokenRequest with the caller's `client`; the service account is made if it is
 * missing. At most one request is on its way at a time.
 */
export function serviceAccountTokens(
  client: Client,
  name: string,
  clock: Clock,
): (options: { readonly refresh: boolean }) => Promise<string> {
  let held: { readonly token: string; readonly untilMs: number } | undefined
  let asking: Promise<string> | undefined
  const ask = async (): Promise<string> => {
    const sinceMs = clock.now()
    const { status } = await request(client, name)
    if (status?.token === undefined) throw new Error(`the server gave no token for ${NAMESPACE}/${name}`)
    const lifeMs = Date.parse(status.expirationTimestamp ?? '') - sinceMs || 0
    held = { token: status.token, untilMs: sinceMs + lifeMs * REFRESH_AT }
    return status.token
  }
  return ({ refresh }) => {
    if (!refresh && held !== undefined && clock.now() < held.untilMs) return Promise.resolve(held.token)
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

async function request(client: Client, name: string): Promise<TokenRequest> {
  const body: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: {},
    spec: { audiences: [], expirationSeconds: EXPIRATION_SECONDS },
  }
  const key = `${NAMESPACE}/${name}`
  if ((await client.find(serviceAccounts, key)) === undefined) {
    const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: NAMESPACE, name } }
    try {
      await client.create(serviceAccounts, account)
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  }
  return client.createSubresource(serviceAccounts, key, 'token', body)
}
