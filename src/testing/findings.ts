import { foundBy, type ResourceDefinition } from '#api'
import { deepClone } from '#base'
import type { FieldError, KubernetesObject } from '#meta'

const context = { nowMs: 0 }

/** An object as the server makes it of what was sent: defaulted and prepared. */
export function made<T extends KubernetesObject>(resource: ResourceDefinition<T>, sent: object, warnings: string[] = []): T {
  const draft = deepClone({ metadata: { name: 'x', namespace: 'default', uid: 'u' }, ...sent }) as T
  resource.default(draft)
  resource.prepareForCreate(draft, warnings)
  resource.default(draft)
  return draft
}

const printed = (findings: readonly FieldError[]): string[] => findings.map(({ field, message }) => `${field}: ${message}`)

/** What is said of an object that is accepted, in order. */
export function warningsOf<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, old?: T): string[] {
  const warnings: string[] = []
  resource.warnings(object, old, warnings)
  return warnings
}

/** The same of a write through `status`. */
export function statusWarningsOf<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T): string[] {
  const warnings: string[] = []
  resource.statusWarnings(object, warnings)
  return warnings
}

/** Everything that is wrong with an object to be created: `field: message`, in order. */
export const findingsOf = <T extends KubernetesObject>(resource: ResourceDefinition<T>, sent: object): string[] =>
  printed(foundBy((found) => resource.validate(made(resource, sent), found, { ...context, isNew: true })))

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
  return printed(foundBy((found) => resource[rules](after, before, found, context)))
}

/** Everything that is wrong with an update of what there was, new rules and those of changes alike. */
export function updateFindings<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, old: T): string[] {
  return printed(
    foundBy((found) => {
      resource.validate(object, found, { ...context, old })
      resource.validateUpdate(object, old, found, context)
    }),
  )
}
