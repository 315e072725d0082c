import { type Job, jobs } from '#api'
import { isConflict, isNotFound } from '#meta'
import { defineController, done, requeueAt } from './framework/index.ts'

/** Deletes finished Jobs once `spec.ttlSecondsAfterFinished` has passed. */
export const ttlAfterFinished = defineController<Job>({
  name: 'ttl-after-finished-controller',
  for: jobs,
  async reconcile({ key, cache, client, clock, signal }) {
    const cached = expiryOf(cache(jobs).get(key))
    if (cached === undefined) return done
    if (cached > clock.now()) return requeueAt(cached)
    // The cache may not hold a raised TTL yet, so the decision to delete rests on a live read.
    const job = await client.find(jobs, key, { signal })
    const expiry = expiryOf(job)
    if (job === undefined || expiry === undefined) return done
    if (expiry > clock.now()) return requeueAt(expiry)
    try {
      // The UID spares a new Job that took the same name in the meantime.
      await client.delete(jobs, key, { preconditions: { uid: job.metadata?.uid ?? '' }, propagationPolicy: 'Foreground', signal })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    return done
  },
})

/** Milliseconds since the epoch; undefined while the job runs, or without a TTL. */
function expiryOf(job: Job | undefined): number | undefined {
  const seconds = job?.spec?.ttlSecondsAfterFinished
  const finished = job?.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  )
  if (seconds === undefined || finished === undefined || job?.metadata?.deletionTimestamp !== undefined) return undefined
  return Date.parse(finished.lastTransitionTime ?? '') + seconds * 1000
}
