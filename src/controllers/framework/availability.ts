import { isPodAvailable, isPodReady, type Pod } from '#api'
import type { Clock } from '#base'
import { done, type Result, requeueAt } from './controller.ts'

/** A ready pod becomes available by time alone (`minReadySeconds`); the controller comes back when the next one does. */
export function nextAvailability(clock: Clock, minReadySeconds: number, owned: readonly Pod[]): Result {
  if (minReadySeconds === 0) return done
  const times = owned
    .filter((pod) => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, clock.now()))
    .map(
      (pod) =>
        (Date.parse(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '') || 0) +
        minReadySeconds * 1000,
    )
  return times.length === 0 ? done : requeueAt(Math.min(...times))
}
