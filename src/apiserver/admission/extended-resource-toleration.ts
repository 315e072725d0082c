import { pods } from '#api'
import { draftOf } from './attributes.ts'
import type { AdmissionPlugin } from './types.ts'

/** A pod that asks for an extended resource tolerates the taint of the nodes that have it. */
export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  mutate(attributes) {
    const spec = draftOf(attributes, pods)?.spec
    if (spec === undefined) return
    const containers = [...(spec.initContainers ?? []), ...spec.containers]
    const names = new Set(containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {}).filter(isExtended)))
    const own = spec.tolerations ?? []
    const missing = [...names]
      .sort()
      .filter(
        (key) =>
          !own.some((each) => each.key === key && each.operator === 'Exists' && (!each.effect || each.effect === 'NoSchedule')),
      )
    if (missing.length > 0)
      spec.tolerations = [...own, ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoSchedule' }))]
  },
}

/** `example.com/gpu`: a name with a domain that is not Kubernetes' own. */
export const isExtended = (name: string): boolean =>
  name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.')
