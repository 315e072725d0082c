import { compareQuantities, isQuantity } from '#meta'
import { createdAt, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { LimitRange, LimitRangeItem } from '../generated/types.ts'
import { quantity } from '../validation/common.ts'
import { duplicateValue, forbid, invalidValue } from '../validation/findings.ts'

export const limitRanges = defineResource<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  scope: 'Namespaced',
  names: { plural: 'limitranges', shortNames: ['limits'] },
  default(draft) {
    for (const item of draft.spec?.limits ?? []) if (item.type === 'Container') defaultLimits(item)
  },
  columns: [name, createdAt],
  *validate({ spec }) {
    const types = new Set<string>()
    for (const [index, item] of (spec?.limits ?? []).entries()) {
      const path = `spec.limits[${index}]`
      if (types.has(item.type)) yield duplicateValue(`${path}.type`, item.type)
      types.add(item.type)
      yield* validateItem(item, path)
    }
  },
  schema: 'io.k8s.api.core.v1.LimitRange',
})

/** A limit defaults to the maximum, a request to the limit or else to the minimum. */
function defaultLimits(item: LimitRangeItem): void {
  const limits = { ...item.max, ...item.default }
  const requests = { ...item.min, ...limits, ...item.defaultRequest }
  if (Object.keys(limits).length > 0) item.default = limits
  if (Object.keys(requests).length > 0) item.defaultRequest = requests
}

import type { Findings } from '../validation/findings.ts'

function* validateItem(item: LimitRangeItem, path: string): Findings {
  for (const key of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
    for (const [name, value] of Object.entries(item[key] ?? {})) yield* quantity(value, `${path}.${key}[${name}]`)
  }
  if (item.type === 'Pod') {
    for (const key of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[key] ?? {}).length > 0) yield forbid(`${path}.${key}`, `may not be specified when \`type\` is 'Pod'`)
    }
  }
  // Each bound in the order it must come in.
  const order = ['min', 'defaultRequest', 'default', 'max'] as const
  for (const [at, low] of order.entries()) {
    for (const high of order.slice(at + 1)) {
      for (const [name, value] of Object.entries(item[low] ?? {})) {
        const bound = item[high]?.[name]
        if (bound === undefined || !isQuantity(value) || !isQuantity(bound) || compareQuantities(value, bound) <= 0) continue
        yield invalidValue(`${path}.${low}[${name}]`, value, `${low} value ${value} is greater than ${high} value ${bound}`)
      }
    }
  }
}
