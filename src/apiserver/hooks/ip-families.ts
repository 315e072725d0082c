import type { Service } from '#api'
import type { FieldError } from '#meta'
import { hasClusterIP, isHeadless } from './service-fields.ts'

const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
})

/**
 * Fills `ipFamilies` and `ipFamilyPolicy` for a cluster with one family of Service addresses (IPv4).
 * A headless Service without a selector is the exception: its endpoints are the user's and may be of both families.
 */
export function setIPFamilies(draft: Service): FieldError[] {
  const spec = draft.spec
  if (spec === undefined || !hasClusterIP(draft)) return []
  if (isHeadless(draft) && Object.keys(spec.selector ?? {}).length === 0) {
    spec.ipFamilyPolicy ??= 'RequireDualStack'
    spec.ipFamilies ??= spec.ipFamilyPolicy === 'SingleStack' ? ['IPv4'] : ['IPv4', 'IPv6']
    return []
  }
  const errors: FieldError[] = []
  if (spec.ipFamilyPolicy === 'RequireDualStack') {
    errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'))
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (family !== 'IPv4') errors.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'))
  }
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4']
  return errors
}
