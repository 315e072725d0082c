import { type ConfigMap, configMaps } from '#api'
import { deepEqual } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isConflict } from '#meta'

export interface RequestAuthorities {
  /** PEM: who signs client certificates. */
  readonly clientCA: string | undefined
  /** PEM: who signs the front proxy's certificate. */
  readonly frontProxyCA: string | undefined
}

const KEY = 'kube-system/extension-apiserver-authentication'

/** Tells extension API servers whom to believe (https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#authentication-flow). */
export async function publishAuthentication(client: Client, { clientCA, frontProxyCA }: RequestAuthorities): Promise<void> {
  const data: Record<string, string> = {
    ...(clientCA && { 'client-ca-file': clientCA }),
    ...(frontProxyCA && {
      'requestheader-allowed-names': '["front-proxy-client"]',
      'requestheader-client-ca-file': frontProxyCA,
      'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
      'requestheader-uid-headers': '["X-Remote-Uid"]',
      'requestheader-username-headers': '["X-Remote-User"]',
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
