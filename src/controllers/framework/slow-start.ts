/**
 * Runs `work` `count` times in batches of 1, 2, 4 …, so that what can't succeed (a full quota) is tried once and not a hundred times. Resolves with how many
 * succeeded and the first error, after which no further batch began.
 */
export async function slowStart(
  count: number,
  work: (index: number) => Promise<void>,
): Promise<{ readonly succeeded: number; readonly error: unknown }> {
  let succeeded = 0
  let begun = 0
  for (let size = Math.min(1, count); size > 0; size = Math.min(2 * size, count - begun)) {
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => work(begun + index)))
    begun += size
    succeeded += results.filter(({ status }) => status === 'fulfilled').length
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) return { succeeded, error: failed.reason }
  }
  return { succeeded, error: undefined }
}
