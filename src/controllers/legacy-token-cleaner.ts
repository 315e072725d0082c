import { configMaps, pods, referencesOf, type Secret, type ServiceAccount, secrets, serviceAccounts } from '#api'
import type { Client } from '#client'
import { formatTime, isConflict, isNotFound } from '#meta'
import { defineController, done, requeueAt } from './framework/index.ts'

const TYPE = 'kubernetes.io/service-account-token'
const LAST_USED = 'kubernetes.io/legacy-token-last-used'
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since'
const TRACKING = 'kube-system/kube-apiserver-legacy-service-account-token-tracking'
const DAY_MS = 24 * 3_600_000
/** A year, as `--legacy-service-account-token-clean-up-period`. */
const PERIOD_MS = 365 * DAY_MS

/**
 * Marks tokens that were once made for accounts by themselves and that nobody used for a year as invalid, and deletes them a year later
 * (https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-cleaner).
 */
export const legacyTokenCleaner = defineController<Secret>({
  name: 'legacy-service-account-token-cleaner',
  flag: 'legacy-serviceaccount-token-cleaner-controller',
  for: secrets,
  reads: [serviceAccounts, pods] as never,
  workers: 1,
  async reconcile({ key, cache, client, clock, log, signal }, { legacyTokenPeriodMs: periodMs = PERIOD_MS }) {
    const secret = cache(secrets).get(key)
    if (secret?.type !== TYPE || secret.metadata?.deletionTimestamp !== undefined) return done
    const nowMs = clock.now()
    const unusedMs = unusedSinceMs(secret)
    if (unusedMs === undefined) return done
    if (nowMs < unusedMs + periodMs) return requeueAt(unusedMs + periodMs)
    const trackedMs = await trackedSinceMs(client, signal)
    // What keeps it from now on is looked at once a day, as upstream does: whether uses are known of, its account, the pods that have it.
    const tomorrow = requeueAt(nowMs + DAY_MS)
    if (trackedMs === undefined) return tomorrow
    if (nowMs < trackedMs + periodMs) return requeueAt(trackedMs + periodMs)
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = secret.metadata ?? {}
    if (!isMadeFor(cache(serviceAccounts).get(`${namespace}/${accountOf(secret)}`), secret)) return tomorrow
    if (
      cache(pods)
        .list({ namespace })
        .some((pod) => isReferred(referencesOf(pod), name))
    )
      return tomorrow
    const invalidMs = dayMs(secret.metadata?.labels?.[INVALID_SINCE])
    try {
      if (invalidMs === undefined) {
        log.info('An unused token of a service account is marked as invalid', { secret: key })
        const change = { metadata: { uid, labels: { [INVALID_SINCE]: formatTime(nowMs).slice(0, 10) } } }
        await client.patch(secrets, key, change, { type: 'merge', signal })
        return done
      }
      // Of a day before the one that is a period ago.
      if (nowMs < invalidMs + DAY_MS + periodMs) return requeueAt(invalidMs + DAY_MS + periodMs)
      log.info('An invalid token of a service account is deleted', { secret: key })
      await client.delete(secrets, key, { preconditions: { resourceVersion }, signal })
    } catch (error) {
      // What changed meanwhile comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    return done
  },
})

const accountOf = ({ metadata }: Secret): string => metadata?.annotations?.['kubernetes.io/service-account.name'] ?? ''

/** Made by itself: the account names it. What people made is theirs to keep. */
function isMadeFor(account: ServiceAccount | undefined, { metadata }: Secret): boolean {
  const uid = metadata?.annotations?.['kubernetes.io/service-account.uid']
  if (account === undefined || (uid && uid !== account.metadata?.uid)) return false
  return account.secrets?.some(({ name }) => name === metadata?.name) ?? false
}

function isReferred(references: ReturnType<typeof referencesOf>, wanted: string): boolean {
  for (const [kind, name] of references) if (kind === 'secrets' && name === wanted) return true
  return false
}

/** From when on it may count as unused: its making, and the end of the day of its last use. Undefined when that day is none. */
function unusedSinceMs({ metadata }: Secret): number | undefined {
  const madeMs = Date.parse(metadata?.creationTimestamp ?? '') + 1
  const said = metadata?.labels?.[LAST_USED]
  if (said === undefined) return madeMs
  const usedMs = dayMs(said)
  return usedMs === undefined ? undefined : Math.max(madeMs, usedMs + DAY_MS)
}

/** From the day after uses began to be kept, since the first may have been before that day's beginning. */
async function trackedSinceMs(client: Client, signal: AbortSignal): Promise<number | undefined> {
  const sinceMs = dayMs((await client.find(configMaps, TRACKING, { signal }))?.data?.['since'])
  return sinceMs === undefined ? undefined : sinceMs + DAY_MS
}

/** `2026-01-31`, in milliseconds since the epoch. */
function dayMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined
  const ms = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(ms) ? undefined : ms
}
