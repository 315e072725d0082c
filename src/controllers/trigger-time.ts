import type { Pod, Service } from '#api'
import type { ObjectMeta } from '#meta'

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'

/** What endpoints of a Service are written for; from it proxies tell how long a change took to reach them. */
export interface Trigger {
  /** The earliest of what has changed since the last look: the Service's creation, or that a pod became ready or stopped to be. Undefined when nothing of that has. */
  readonly time: number | undefined
  /** To be called once all is written; until then the next look finds the same. `former` are pods that were written of before. */
  seen(former: Iterable<string | undefined>): void
}

/** `memory` holds the times that were seen, by Service and pod. */
export function triggerOf(memory: Map<string, number>, service: Service, chosen: readonly Pod[]): Trigger {
  const { uid = '', creationTimestamp } = service.metadata ?? {}
  const keyOf = (pod: string | undefined): string => `${uid} ${pod}`
  const texts = new Map(chosen.map((pod) => [keyOf(pod.metadata?.uid), readySince(pod)]))
  texts.set(uid, creationTimestamp)
  const times = [...texts].map(([key, text]) => [key, Date.parse(text ?? '')] as const).filter(([, time]) => !Number.isNaN(time))
  const changed = times.filter(([key, time]) => time > (memory.get(key) ?? 0)).map(([, time]) => time)
  return {
    time: changed.length === 0 ? undefined : Math.min(...changed),
    seen: (former) => {
      for (const pod of former) if (!texts.has(keyOf(pod))) memory.delete(keyOf(pod))
      for (const [key, time] of times) memory.set(key, time)
    },
  }
}

/** Annotations with the time, or without any. */
export function withTrigger(annotations: ObjectMeta['annotations'], { time }: Trigger): Record<string, string> {
  const { [TRIGGER_TIME]: _, ...others } = annotations ?? {}
  // Conditions have whole seconds.
  return time === undefined ? others : { ...others, [TRIGGER_TIME]: new Date(time).toISOString().replace('.000Z', 'Z') }
}

const readySince = ({ status }: Pod): string | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime
