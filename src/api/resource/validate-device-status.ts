import type { AllocatedDeviceStatus, NetworkDeviceData, ResourceClaimStatus } from '../generated/types.ts'
import { csiDriverName } from '../validation/common.ts'
import { validateConditions } from '../validation/conditions.ts'
import { complaints, duplicateValue, type Findings, invalidValue, tooLong, tooMany } from '../validation/findings.ts'
import { interfaceAddress } from '../validation/ip.ts'
import { dnsLabel } from '../validation/names.ts'
import { eachOfSet, poolName, shareID, validateData } from './validate-device.ts'

const CONDITIONS_MAX = 8
const INTERFACE_BYTES_MAX = 256
const HARDWARE_ADDRESS_BYTES_MAX = 128
const ADDRESSES_MAX = 16

/** Upstream's identity of a device shows nothing of itself. */
const SHOWN = { Driver: {}, Pool: {}, Device: {}, ShareID: {} }

type Identity = Pick<AllocatedDeviceStatus, 'driver' | 'pool' | 'device' | 'shareID'>

/** Of a device, or a share of one. */
export const identityOf = ({ driver, pool, device, shareID: share = '' }: Identity): string =>
  [driver, pool, device, share].join('\n')

export const allocatedTo = ({ allocation }: ResourceClaimStatus): Set<string> =>
  new Set(allocation?.devices?.results?.map(identityOf))

/** What drivers tell of the devices that they gave to a claim (KEP-4817). */
export function validateDeviceStatuses(status: ResourceClaimStatus, found: Findings): void {
  const { devices = [] } = status
  const allocated = allocatedTo(status)
  for (const [index, device] of devices.entries()) validateDevice(device, allocated, `status.devices[${index}]`, found)
  const seen = new Set<string>()
  for (const [index, device] of devices.entries()) {
    const identity = identityOf(device)
    if (seen.has(identity)) found.push(duplicateValue(`status.devices[${index}]`, SHOWN))
    seen.add(identity)
  }
}

function validateDevice(status: AllocatedDeviceStatus, allocated: ReadonlySet<string>, path: string, found: Findings): void {
  const { driver, pool, device = '', conditions = [], data, networkData } = status
  csiDriverName(driver, `${path}.driver`, found)
  poolName(pool, `${path}.pool`, found)
  complaints(dnsLabel(device), device, `${path}.device`, found)
  shareID(status.shareID, `${path}.shareID`, found)
  if (!allocated.has(identityOf(status))) found.push(invalidValue(path, SHOWN, 'must be an allocated device in the claim'))
  if (conditions.length > CONDITIONS_MAX) found.push(tooMany(`${path}.conditions`, conditions.length, CONDITIONS_MAX))
  validateConditions(conditions, `${path}.conditions`, found)
  if (data !== undefined) validateData(data, `${path}.data`, found)
  if (networkData !== undefined) validateNetwork(networkData, `${path}.networkData`, found)
}

function validateNetwork(
  { interfaceName = '', hardwareAddress = '', ips }: NetworkDeviceData,
  path: string,
  found: Findings,
): void {
  if (Buffer.byteLength(interfaceName) > INTERFACE_BYTES_MAX) found.push(tooLong(`${path}.interfaceName`, INTERFACE_BYTES_MAX))
  if (Buffer.byteLength(hardwareAddress) > HARDWARE_ADDRESS_BYTES_MAX)
    found.push(tooLong(`${path}.hardwareAddress`, HARDWARE_ADDRESS_BYTES_MAX))
  eachOfSet(ips, ADDRESSES_MAX, `${path}.ips`, (ip) => ip, interfaceAddress, found)
}
