import type { KubernetesObject } from '#meta'
import type { LimitedPriorityLevelConfiguration, PriorityLevelConfiguration } from '../generated/types.ts'

/** In v1beta3 zero meant the default, unless this said otherwise. */
const KEEPS_ZERO = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares'

interface OldLimited extends LimitedPriorityLevelConfiguration {
  assuredConcurrencyShares?: number
}

/** Of flowcontrol.apiserver.k8s.io/v1beta1 and v1beta2, where shares had another name and zero was the default. */
export const levelOfAssuredShares = (object: KubernetesObject): KubernetesObject =>
  withLimited(object, ({ assuredConcurrencyShares: shares, ...limited }) => ({
    ...limited,
    ...(shares && { nominalConcurrencyShares: shares }),
  }))

/** Of flowcontrol.apiserver.k8s.io/v1beta3. */
export function levelOfShares(object: KubernetesObject): KubernetesObject {
  const { [KEEPS_ZERO]: mark, ...annotations } = object.metadata?.annotations ?? {}
  const { annotations: _, ...metadata } = object.metadata ?? {}
  const level = { ...object, metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata }
  return withLimited(level, ({ nominalConcurrencyShares: shares = 0, ...limited }) => {
    if (shares !== 0) return { ...limited, nominalConcurrencyShares: shares }
    return mark === undefined ? limited : { ...limited, nominalConcurrencyShares: 0 }
  })
}

function withLimited(object: KubernetesObject, change: (limited: OldLimited) => OldLimited): KubernetesObject {
  const { spec } = object as PriorityLevelConfiguration
  return spec?.limited ? ({ ...object, spec: { ...spec, limited: change(spec.limited) } } as KubernetesObject) : object
}
