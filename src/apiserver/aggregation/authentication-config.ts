import { type ConfigMap, configMaps } from '#api'
import { deepEqual } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isConflict } from '#meta'
import { type RequestHeaderOptions, requestHeadersOf } from '../authentication/index.ts'

export interface RequestAuthorities {
  /** PEM: who signs client certificates. */
  readonly clientCA: string | undefined
  /** PEM: who signs the front proxy's certificate. */
  readonly frontProxyCA: string | undefined
  /** Which of those it signs for may vouch for others, and in which headers. */
  readonly requestHeaders?: Partial<RequestHeaderOptions> | undefined
}

const KEY = 'kube-system/extension-apiserver-authentication'

/** Tells extension API servers whom to believe (https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#authentication-flow). */
export async function publishAuthentication(
  client: Client,
  { clientCA, frontProxyCA, requestHeaders: said }: RequestAuthorities,
): Promise<void> {
  const requestHeaders = requestHeadersOf(said)
  const data: Record<string, string> = {
    ...(clientCA && { 'client-ca-file': clientCA }),
    ...(frontProxyCA && {
      'requestheader-allowed-names': JSON.stringify(requestHeaders.allowedNames),
      'requestheader-client-ca-file': frontProxyCA,
      'requestheader-extra-headers-prefix': JSON.stringify(requestHeaders.extraHeaderPrefixes),
      'requestheader-group-headers': JSON.stringify(requestHeaders.groupHeaders),
      'requestheader-uid-headers': JSON.stringify(requestHeaders.uidHeaders),
      'requestheader-username-headers': JSON.stringify(requestHeaders.usernameHeaders),
    }),
  }
  const current = await client.find(configMaps, KEY)
  try {
    if (current === undefined) await client.create(configMaps, configMap(data))
    else if (!deepEqual(current.data, { ...current.data, ...data }))
      await client.update(configMaps, { ...current, data: { ...current.data, ...data } })
  } catch (error) {
    // Another API server of the cluster says the same.
    if (!isAlreadyExists(error) && !isConflict(error)) throw error
  }
}

const configMap = (data: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
  data,
})
