import type { KubernetesObject } from '#meta'
import type {
  Device,
  DeviceRequest,
  ExactDeviceRequest,
  ResourceResourceClaim as ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../generated/types.ts'

type Claim = NonNullable<ResourceClaim['spec']>
type OldRequest = Pick<DeviceRequest, 'name' | 'firstAvailable'> & Partial<ExactDeviceRequest>

/** Of resource.k8s.io/v1beta1, where the one device of a request was described in the request itself. */
export function claim(object: KubernetesObject): KubernetesObject {
  const { spec } = object as ResourceClaim
  return spec === undefined ? object : ({ ...object, spec: claimSpec(spec) } as KubernetesObject)
}

export function claimTemplate(object: KubernetesObject): KubernetesObject {
  const { spec } = object as ResourceClaimTemplate
  return spec === undefined ? object : ({ ...object, spec: { ...spec, spec: claimSpec(spec.spec) } } as KubernetesObject)
}

function claimSpec(spec: Claim): Claim {
  const requests = spec.devices?.requests as readonly OldRequest[] | undefined
  return requests === undefined ? spec : ({ ...spec, devices: { ...spec.devices, requests: requests.map(request) } } as Claim)
}

function request({ name, firstAvailable, ...exactly }: OldRequest): DeviceRequest {
  const isExact = Object.keys(exactly).length > 0
  return { name, ...(firstAvailable && { firstAvailable }), ...(isExact && { exactly }) } as DeviceRequest
}

/** What a device has stood below `basic`. */
export function slice(object: KubernetesObject): KubernetesObject {
  const { spec } = object as ResourceSlice
  const devices = spec?.devices as readonly (Device & { readonly basic?: Omit<Device, 'name'> })[] | undefined
  if (devices === undefined) return object
  return {
    ...object,
    spec: { ...spec, devices: devices.map(({ basic, ...device }) => ({ ...device, ...basic })) },
  } as KubernetesObject
}
