import { age, name, text } from '../columns.ts'
import { labelDeprecation } from '../core/node-label-warnings.ts'
import { STRICT } from '../core/pod-leniency.ts'
import { ofContainer, validateResources } from '../core/validate-resources.ts'
import { validateTolerations } from '../core/validate-scheduling.ts'
import { defineResource } from '../define-resource.ts'
import type { RuntimeClass, Toleration } from '../generated/types.ts'
import { immutable, labels } from '../validation/common.ts'
import { complaints, duplicateValue } from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'

export const runtimeClasses = defineResource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  scope: 'Cluster',
  names: { plural: 'runtimeclasses' },
  createsOnUpdate: true,
  unconditionalUpdate: false,
  columns: [name, text('Handler', ({ handler }) => handler), age],
  validate({ handler = '', overhead, scheduling }, found) {
    complaints(dnsLabel(handler), handler, 'handler', found)
    if (overhead?.podFixed) validateResources({ limits: overhead.podFixed }, ofContainer, 'overhead', STRICT, found)
    if (scheduling === undefined) return
    labels(scheduling.nodeSelector, 'scheduling.nodeSelector', found)
    const { tolerations = [] } = scheduling
    // Upstream names the list twice in the paths of what is wrong within.
    validateTolerations(tolerations, 'scheduling.tolerations.tolerations', found)
    for (const [index, toleration] of tolerations.entries()) {
      if (tolerations.findIndex((each) => isSame(each, toleration)) < index)
        found.push(duplicateValue(`scheduling.tolerations[${index}]`, toleration))
    }
  },
  validateUpdate: ({ handler }, old, found) => immutable(handler, old.handler, 'handler', found),
  warnings({ scheduling }, _old, warnings) {
    for (const key of Object.keys(scheduling?.nodeSelector ?? {})) {
      const deprecation = labelDeprecation(key)
      if (deprecation !== undefined) warnings.push(`scheduling.nodeSelector: ${deprecation}`)
    }
  },
  schema: 'io.k8s.api.node.v1.RuntimeClass',
})

const isSame = (one: Toleration, other: Toleration): boolean =>
  (['key', 'operator', 'value', 'effect'] as const).every((part) => one[part] === other[part])
