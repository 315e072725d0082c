import { deepClone, deepEqual } from '#base'
import type { Container, Pod, PodSpec } from '../generated/types.ts'
import { type Findings, forbid, invalidValue } from '../validation/findings.ts'
import { qosClass } from './pod-facts.ts'
import { validatePodSpec } from './validate-pod-spec.ts'

/** Writes through a pod's subresources that change its spec. */
export function validatePodPart(subresource: string, pod: Pod, old: Pod, found: Findings): void {
  if (subresource !== 'ephemeralcontainers' && subresource !== 'resize') return
  validatePodSpec(pod.spec ?? ({} as PodSpec), pod.metadata ?? {}, 'spec', found)
  if (subresource === 'resize') validateResize(pod, old, found)
  else onlyAddedContainers(pod, old, found)
}

/** Debugging containers come and stay: a kubelet can neither change nor take back what it started. */
function onlyAddedContainers({ spec }: Pod, { spec: old }: Pod, found: Findings): void {
  const now = new Map((spec?.ephemeralContainers ?? []).map((container) => [container.name, container]))
  for (const before of old?.ephemeralContainers ?? []) {
    const after = now.get(before.name)
    if (after === undefined) {
      found.push(
        forbid('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(before.name)} may not be removed\n`),
      )
    } else if (!deepEqual(after, before)) {
      found.push(
        forbid('spec.ephemeralContainers', `existing ephemeral containers ${JSON.stringify(before.name)} may not be changed\n`),
      )
    }
  }
}

const RESIZABLE = new Set(['cpu', 'memory'])

function validateResize(pod: Pod, old: Pod, found: Findings): void {
  const before = old.status?.qosClass ?? qosClass(old)
  if (qosClass(pod) !== before) {
    found.push(invalidValue('spec', before, 'Pod QOS Class may not change as a result of resizing'))
  }
  if (!deepEqual(withoutResizable(pod.spec), withoutResizable(old.spec))) {
    found.push(forbid('spec', 'only cpu and memory resources are mutable'))
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
