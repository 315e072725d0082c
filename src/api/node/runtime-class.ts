import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { RuntimeClass } from '../generated/types.ts'
import { complaints, IMMUTABLE, invalidValue, required } from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'

export const runtimeClasses = defineResource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  scope: 'Cluster',
  names: { plural: 'runtimeclasses' },
  unconditionalUpdate: false,
  columns: [name, text('Handler', ({ handler }) => handler), age],
  *validate({ handler }) {
    if (!handler) yield required('handler')
    else yield* complaints(dnsLabel(handler), handler, 'handler')
  },
  *validateUpdate({ handler }, old) {
    if (handler !== old.handler) yield invalidValue('handler', handler, IMMUTABLE)
  },
  schema: 'io.k8s.api.node.v1.RuntimeClass',
})
