import { type ConfigMap, configMaps, namespaces } from '#api'
import { isAlreadyExists } from '#meta'
import { defineController, done, watch } from './framework/index.ts'

const NAME = 'kube-root-ca.crt'
const KEY = 'ca.crt'
const DESCRIPTION = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
}

/** Keeps the certificate that pods verify the API server with in every namespace, as the ConfigMap `kube-root-ca.crt`. */
export const rootCAPublisher = defineController({
  name: 'root-ca-cert-publisher',
  flag: 'root-ca-certificate-publisher-controller',
  for: namespaces,
  watches: [watch(configMaps, ({ metadata }) => (metadata?.name === NAME ? [metadata.namespace ?? ''] : []))],
  async reconcile({ key, cache, client }, { rootCA }) {
    const namespace = cache(namespaces).get(key)
    if (namespace === undefined || namespace.metadata?.deletionTimestamp !== undefined) return done
    const wanted: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAME, namespace: key, annotations: DESCRIPTION },
      data: { [KEY]: rootCA },
    }
    const current = cache(configMaps).get(`${key}/${NAME}`)
    if (current === undefined) {
      try {
        await client.create(configMaps, wanted)
      } catch (error) {
        if (!isAlreadyExists(error)) throw error
      }
    } else if (current.data?.[KEY] !== rootCA || Object.keys(current.data).length !== 1) {
      await client.update(configMaps, { ...current, data: wanted.data! })
    }
    return done
  },
})
