import type { Device, DeviceAttribute, ResourceSlice } from '../generated/types.ts'

const LISTS = ['ints', 'bools', 'strings', 'versions'] as const

const hasLists = (attribute: DeviceAttribute): boolean => LISTS.some((list) => attribute[list] !== undefined)
const attributesOf = (devices: readonly Device[]): DeviceAttribute[] =>
  devices.flatMap(({ attributes }) => Object.values(attributes ?? {}))

/**
 * Drops what is off by default: attributes of many values (KEP-5491), devices that give of a node's own resources (KEP-5517). A slice that has such things keeps what
 * it says of them.
 */
export function dropDisabledDeviceFields({ spec }: ResourceSlice, old?: ResourceSlice): void {
  const [devices, before] = [spec?.devices ?? [], old?.spec?.devices ?? []]
  if (!before.some(({ nodeAllocatableResourceMappings: mappings }) => mappings && Object.keys(mappings).length > 0))
    for (const device of devices) delete device.nodeAllocatableResourceMappings
  if (attributesOf(before).some(hasLists)) return
  for (const attribute of attributesOf(devices)) for (const list of LISTS) delete attribute[list]
}
