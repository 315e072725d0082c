import { deepEqual } from '#base'
import { goQuote } from '#meta'
import type { Pod, PodSpec } from '../generated/types.ts'
import { type Findings, forbid, WHOLE } from '../validation/findings.ts'
import { differenceOf } from '../validation/internal-form.ts'
import { isMirrorPod } from './pod-facts.ts'
import { validateMetadataAndSpec } from './validate-pod.ts'
import { validateAnnotationChange, validatePodAnnotations } from './validate-pod-annotations.ts'
import { validateResize } from './validate-resize.ts'

/** Writes through a pod's subresources that change its spec. */
export function validatePodPart(subresource: string, pod: Pod, old: Pod, found: Findings): void {
  if (subresource !== 'ephemeralcontainers' && subresource !== 'resize') return
  validateMetadataAndSpec(pod, found, old)
  if (subresource === 'resize') validateResize(pod, old, found)
  else onlyAddedContainers(pod, old, found)
}

/** Debugging containers come and stay: a kubelet can neither change nor take back what it started. */
function onlyAddedContainers(pod: Pod, old: Pod, found: Findings): void {
  const [annotations, were] = [pod.metadata?.annotations, old.metadata?.annotations]
  validateAnnotationChange(annotations, were, 'metadata.annotations', found)
  if (annotations !== undefined)
    validatePodAnnotations(annotations, pod.spec ?? ({} as PodSpec), 'metadata.annotations', found, were)
  if (isMirrorPod(old)) {
    found.splice(0, found.length, forbid(WHOLE, 'static pods do not support ephemeral containers'))
    return
  }
  const now = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]))
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const after = now.get(before.name)
    const name = goQuote(before.name)
    if (after === undefined)
      found.push(forbid('spec.ephemeralContainers', `existing ephemeral containers ${name} may not be removed\n`))
    else if (!deepEqual(after, before))
      found.push(
        forbid(
          'spec.ephemeralContainers',
          `existing ephemeral containers ${name} may not be changed\n${differenceOf(after, before, 'EphemeralContainer')}`,
        ),
      )
  }
}
