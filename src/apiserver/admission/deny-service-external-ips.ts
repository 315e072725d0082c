import { type Service, services } from '#api'
import { forbidden } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionPlugin } from './types.ts'

/** No Service takes up an address of its owner's choice (CVE-2020-8554); those that have some may keep them. */
export const denyServiceExternalIPs: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  validate(attributes) {
    const service = draftOf(attributes, services)
    const before = new Set((attributes.oldObject as Service | undefined)?.spec?.externalIPs)
    if ((service?.spec?.externalIPs ?? []).some((ip) => !before.has(ip)))
      throw forbidden(services, attributes.name, 'Use of external IPs is denied by admission control.')
  },
}
