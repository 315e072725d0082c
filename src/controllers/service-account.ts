import { namespaces, serviceAccounts } from '#api'
import { isAlreadyExists } from '#meta'
import { defineController, done, watch } from './framework/index.ts'

const NAME = 'default'

/** Gives every namespace its `default` service account, and gives it back when it is deleted. */
export const serviceAccountController = defineController({
  name: 'service-account-controller',
  flag: 'serviceaccount-controller',
  for: namespaces,
  watches: [watch(serviceAccounts, ({ metadata }) => (metadata?.name === NAME ? [metadata.namespace ?? ''] : []))],
  async reconcile({ key, cache, client }) {
    const namespace = cache(namespaces).get(key)
    if (namespace === undefined || namespace.metadata?.deletionTimestamp !== undefined) return done
    if (cache(serviceAccounts).get(`${key}/${NAME}`) !== undefined) return done
    try {
      await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace: key } })
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
    return done
  },
})
