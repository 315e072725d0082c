import type { ResourceDefinition } from '#api'
import { deepClone } from '#base'
import type { FieldError, KubernetesObject } from '#meta'

const context = { nowMs: 0 }

/** An object as the server makes it of what was sent: defaulted and prepared. */
export function made<T extends KubernetesObject>(resource: ResourceDefinition<T>, sent: object): T {
  const draft = deepClone({ metadata: { name: 'x', namespace: 'default', uid: 'u' }, ...sent }) as T
  resource.default(draft)
  resource.prepareForCreate(draft)
  resource.default(draft)
  return draft
}

const printed = (findings: Iterable<FieldError>): string[] => [...findings].map(({ field, message }) => `${field}: ${message}`)

/** Everything that is wrong with an object to be created: `field: message`, in order. */
export const findingsOf = <T extends KubernetesObject>(resource: ResourceDefinition<T>, sent: object): string[] =>
  printed(resource.validate(made(resource, sent), context))

/** Everything that is wrong with a change of what was accepted. */
export function changeFindings<T extends KubernetesObject>(
  resource: ResourceDefinition<T>,
  old: object,
  change: (draft: T) => void,
  part: 'spec' | 'status' = 'spec',
): string[] {
  const before = made(resource, old)
  const after = deepClone(before)
  change(after)
  const rules = part === 'status' ? 'validateStatusUpdate' : 'validateUpdate'
  return printed(resource[rules](after, before, context))
}
