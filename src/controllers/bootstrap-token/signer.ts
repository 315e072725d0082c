import {
  BOOTSTRAP_TOKEN_TYPE,
  bootstrapTokenAllows,
  bootstrapTokenExpiryMs,
  bootstrapTokenOf,
  CLUSTER_INFO,
  CLUSTER_INFO_KUBECONFIG,
  configMaps,
  SIGNATURE_PREFIX,
  secrets,
} from '#api'
import { deepEqual } from '#base'
import { isNotFound } from '#meta'
import { defineController, done, watch } from '../framework/index.ts'
import { signatureOf } from './signature.ts'

const KEY = `${CLUSTER_INFO.namespace}/${CLUSTER_INFO.name}`

/** Signs the public `cluster-info` with every token that may sign, so that a machine which holds one can trust what it reads there without any certificate. */
export const bootstrapSigner = defineController({
  name: 'bootstrap-signer',
  flag: 'bootstrap-signer-controller',
  isOnByDefault: false,
  for: configMaps,
  watches: [watch(secrets, ({ type }) => (type === BOOTSTRAP_TOKEN_TYPE ? [KEY] : []))],
  workers: 1,
  async reconcile({ key, cache, client, clock }) {
    const current = key === KEY ? cache(configMaps).get(key) : undefined
    const content = current?.data?.[CLUSTER_INFO_KUBECONFIG]
    if (current === undefined || content === undefined) return done
    const nowMs = clock.now()
    const data: Record<string, string> = {}
    for (const [name, value] of Object.entries(current.data ?? {})) if (!name.startsWith(SIGNATURE_PREFIX)) data[name] = value
    for (const secret of cache(secrets).list({ namespace: 'kube-system' })) {
      const token = bootstrapTokenOf(secret)
      if (token === undefined || !bootstrapTokenAllows(secret, 'signing')) continue
      if ((bootstrapTokenExpiryMs(secret) ?? Number.POSITIVE_INFINITY) <= nowMs) continue
      data[`${SIGNATURE_PREFIX}${token.id}`] = signatureOf(content, token)
    }
    if (deepEqual(data, current.data)) return done
    try {
      await client.update(configMaps, { ...current, data })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return done
  },
})
