import {
  type DeviceClass,
  type DeviceSelector,
  deviceClasses,
  type ResourceClaimSpec,
  type ResourceClaimTemplate,
  type ResourceResourceClaim,
  resourceClaims,
  resourceClaimTemplates,
} from '#api'
import { deepEqual } from '#base'
import { type FieldError, invalid, type KubernetesObject } from '#meta'
import type { AdmissionPlugin } from '../types.ts'
import { type Cel, loadCel } from './cel.ts'

interface Selectors {
  readonly field: string
  readonly selectors: readonly DeviceSelector[] | undefined
}

const READERS = new Map<unknown, (object: KubernetesObject) => Iterable<Selectors>>([
  [deviceClasses, (object) => [{ field: 'spec.selectors', selectors: (object as DeviceClass).spec?.selectors }]],
  [resourceClaims, (object) => claimSelectors((object as ResourceResourceClaim).spec, 'spec')],
  [resourceClaimTemplates, (object) => claimSelectors((object as ResourceClaimTemplate).spec?.spec, 'spec.spec')],
])

/**
 * Refuses selectors of devices that do not compile or could cost too much to run for each device. This is validation of
 * their kinds, done where the language can be loaded with the first selector; a list of selectors that an update leaves as it was is not judged again.
 */
export const validateDeviceSelectors: AdmissionPlugin = {
  name: 'DeviceSelectors',
  operations: ['CREATE', 'UPDATE'],
  async validate({ resource, subresource, object, oldObject, name }) {
    const read = subresource === '' ? READERS.get(resource) : undefined
    if (read === undefined) return
    const before = new Map([...(oldObject === undefined ? [] : read(oldObject))].map((each) => [each.field, each.selectors]))
    const changed = [...read(object!)].filter(
      ({ field, selectors }) => selectors?.length && !deepEqual(selectors, before.get(field)),
    )
    if (changed.length === 0) return
    const cel = await loadCel()
    const errors = changed.flatMap(({ field, selectors }) =>
      selectors!.flatMap((selector, index) =>
        problemsOf(cel, selector.cel?.expression ?? '', `${field}[${index}].cel.expression`),
      ),
    )
    if (errors.length > 0) throw invalid(resource, name, errors)
  },
}

function* claimSelectors(spec: ResourceClaimSpec | undefined, path: string): Iterable<Selectors> {
  for (const [index, { exactly, firstAvailable }] of (spec?.devices?.requests ?? []).entries()) {
    const field = `${path}.devices.requests[${index}]`
    yield { field: `${field}.exactly.selectors`, selectors: exactly?.selectors }
    for (const [at, { selectors }] of (firstAvailable ?? []).entries())
      yield { field: `${field}.firstAvailable[${at}].selectors`, selectors }
  }
}

function problemsOf(cel: Cel, text: string, field: string): FieldError[] {
  const wrong = (why: string): FieldError[] => [
    { field, reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(text)}: ${why}` },
  ]
  try {
    const { type, checked } = cel.deviceEnvironment().compile(text)
    if (type.kind !== 'bool' && type.kind !== 'any')
      return wrong(`must evaluate to bool or the unknown type, not ${cel.formatType(type)}`)
    if (cel.estimateCost(checked, cel.deviceSizes).max <= cel.SELECTOR_COST_MAX) return []
    return [{ field, reason: 'FieldValueForbidden', message: 'Forbidden: too complex, exceeds cost limit' }]
  } catch (error) {
    if (error instanceof cel.InstantiationError)
      return [{ field, reason: 'InternalError', message: `Internal error: program instantiation failed: ${error.message}` }]
    if (!(error instanceof cel.CompileError)) throw error
    return wrong(`compilation failed: ${error.message}`)
  }
}
