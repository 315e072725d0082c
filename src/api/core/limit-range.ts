import { createdAt, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { LimitRange, LimitRangeItem } from '../generated/types.ts'
import { validateLimitRange } from './validate-limit-range.ts'

export const limitRanges = defineResource<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  scope: 'Namespaced',
  names: { plural: 'limitranges', shortNames: ['limits'] },
  createsOnUpdate: true,
  default(draft) {
    for (const item of draft.spec?.limits ?? []) if (item.type === 'Container') defaultLimits(item)
  },
  columns: [name, createdAt],
  validate: validateLimitRange,
  schema: 'io.k8s.api.core.v1.LimitRange',
})

/** A limit defaults to the maximum, a request to the limit or else to the minimum. */
function defaultLimits(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default }
  const requests = { ...item.min, ...limits, ...item.defaultRequest }
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}
