import type { Clock } from '#base'

/** Says what time it is as heads do, and makes the text of a second once. */
export function httpDates(clock: Clock): () => string {
  let [second, text] = [Number.NaN, '']
  return () => {
    const now = Math.floor(clock.now() / 1000)
    if (now !== second) [second, text] = [now, new Date(now * 1000).toUTCString()]
    return text
  }
}
