import type { SizeHints } from '../cost/estimate.ts'
import type { Environment } from '../environment.ts'
import type { Library } from '../libraries/library.ts'
import { quantityLibrary } from '../libraries/quantity.ts'
import { bindMacro } from '../syntax/extension-macros.ts'
import type { TypeProvider } from '../types/declarations.ts'
import { anyType, bool, map, string, struct, type Type } from '../types/type.ts'
import { kubernetesEnvironment } from './environment.ts'

/** What one evaluation of a selector may cost, and what its estimate may be. */
export const SELECTOR_COST_MAX = 1_000_000

const DEVICE = 'kubernetes.DRADevice'

const FIELDS: Readonly<Record<string, Type>> = {
  driver: string,
  attributes: map(string, map(string, anyType)),
  capacity: map(string, map(string, quantityLibrary.types!['kubernetes.Quantity']!)),
  allowMultipleAllocations: bool,
}

const provider: TypeProvider = {
  hasType: (name) => name === DEVICE,
  field(name, field) {
    const type = name === DEVICE && Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined
    return type && { type }
  },
}

const bindings: Library = { name: 'cel.lib.ext.cel.bindings', macros: [bindMacro] }

let made: Environment | undefined

/**
 * Of the selectors in DeviceClasses and ResourceClaims, which see one `device`
 * (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/resource-claim-v1/, CELDeviceSelector).
 */
export const deviceEnvironment = (): Environment =>
  (made ??= kubernetesEnvironment().extend({
    libraries: [bindings],
    variables: { device: { type: struct(DEVICE) } },
    provider,
    costLimit: SELECTOR_COST_MAX,
  }))

const DRIVER_LENGTH_MAX = 63
const DOMAIN_LENGTH_MAX = 63
const ID_LENGTH_MAX = 32
const VALUE_LENGTH_MAX = 64
/** Attributes and capacities of one device, together. */
const ENTRIES_MAX = 32

/** How large parts of a device can be, e.g. `device.attributes["gpu.example.com"].model`: the API bounds all of them. */
export const deviceSizes: SizeHints = ([variable, field, domain, id, ...more]) => {
  if (variable !== 'device' || more.length > 0) return undefined
  if (field === undefined || field === 'allowMultipleAllocations') return 0
  if (field === 'driver') return domain === undefined ? DRIVER_LENGTH_MAX : undefined
  if (field !== 'attributes' && field !== 'capacity') return undefined
  if (domain === undefined) return ENTRIES_MAX
  if (domain === '@keys') return id === undefined ? DOMAIN_LENGTH_MAX : undefined
  if (domain !== '@values') return undefined
  if (id === undefined) return ENTRIES_MAX
  if (id === '@keys') return ID_LENGTH_MAX
  if (field === 'attributes') return VALUE_LENGTH_MAX
  return id === '@values' ? 0 : undefined
}
