import { BOOTSTRAP_TOKEN_NAMESPACE, BOOTSTRAP_TOKEN_TYPE, bootstrapTokenExpiryMs, secrets } from '#api'
import { isConflict, isNotFound } from '#meta'
import { defineController, done, requeueAt } from '../framework/index.ts'

/** Deletes bootstrap tokens at the moment they expire. */
export const tokenCleaner = defineController({
  name: 'token-cleaner',
  flag: 'token-cleaner-controller',
  isOnByDefault: false,
  for: secrets,
  workers: 1,
  async reconcile({ key, cache, client, clock }) {
    const secret = cache(secrets).get(key)
    const isToken = secret?.type === BOOTSTRAP_TOKEN_TYPE && secret.metadata?.namespace === BOOTSTRAP_TOKEN_NAMESPACE
    const expiryMs = isToken ? bootstrapTokenExpiryMs(secret) : undefined
    if (expiryMs === undefined) return done
    if (expiryMs > clock.now()) return requeueAt(expiryMs)
    try {
      // The uid spares a token that was made anew under the same name.
      await client.delete(secrets, key, { preconditions: { uid: secret?.metadata?.uid ?? '' } })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    return done
  },
})
