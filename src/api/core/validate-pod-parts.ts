import { deepClone, deepEqual } from '#base'
import type { Container, Pod, PodSpec } from '../generated/types.ts'
import { type Findings, forbid, invalidValue } from '../validation/findings.ts'
import { qosClass } from './pod-facts.ts'
import { validatePodSpec } from './validate-pod-spec.ts'

/** Writes through a pod's subresources that change its spec. */
export function* validatePodPart(subresource: string, pod: Pod, old: Pod): Findings {
  if (subresource !== 'ephemeralcontainers' && subresource !== 'resize') return
  yield* validatePodSpec(pod.spec ?? ({} as PodSpec), pod.metadata ?? {}, 'spec')
  if (subresource === 'resize') yield* validateResize(pod, old)
  else yield* onlyAddedContainers(pod, old)
}

/** Debugging containers come and stay: a kubelet can neither change nor take back what it started. */
function* onlyAddedContainers({ spec }: Pod, { spec: old }: Pod): Findings {
  const now = new Map((spec?.ephemeralContainers ?? []).map((container) => [container.name, container]))
  for (const before of old?.ephemeralContainers ?? []) {
    const after = now.get(before.name)
    if (after === undefined) {
      yield forbid(
        'spec.ephemeralContainers',
        `existing ephemeral containers ${JSON.stringify(before.name)} may not be removed\n`,
      )
    } else if (!deepEqual(after, before)) {
      yield forbid(
        'spec.ephemeralContainers',
        `existing ephemeral containers ${JSON.stringify(before.name)} may not be changed\n`,
      )
    }
  }
}

const RESIZABLE = new Set(['cpu', 'memory'])

function* validateResize(pod: Pod, old: Pod): Findings {
  const before = old.status?.qosClass ?? qosClass(old)
  if (qosClass(pod) !== before) {
    yield invalidValue('spec', before, 'Pod QOS Class may not change as a result of resizing')
  }
  if (!deepEqual(withoutResizable(pod.spec), withoutResizable(old.spec))) {
    yield forbid('spec', 'only cpu and memory resources are mutable')
  }
}

function withoutResizable(spec: PodSpec | undefined): PodSpec | undefined {
  const copy = deepClone(spec)
  for (const container of [...(copy?.containers ?? []), ...(copy?.initContainers ?? [])] as Container[]) {
    delete container.resizePolicy
    for (const key of ['limits', 'requests'] as const) {
      const list = Object.entries(container.resources?.[key] ?? {}).filter(([name]) => !RESIZABLE.has(name))
      if (container.resources !== undefined) container.resources[key] = Object.fromEntries(list)
    }
  }
  return copy
}
