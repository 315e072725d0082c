import { type EndpointSlice, type Endpoints, endpointSlices, endpoints, type Findings, validateExternalIP } from '#api'
import { invalid, type KubernetesObject } from '#meta'
import type { AdmissionPlugin } from './types.ts'

/** Who the server itself is: it publishes where it is reached, which of a cluster in one process is loopback. */
const SERVER = 'system:apiserver'

/**
 * Refuses endpoints that would lead the server, which proxies to Services and calls webhooks behind them, to itself or to its machine's neighbours. This is
 * validation of their kinds, done here because it depends on who writes.
 */
export const endpointAddresses: AdmissionPlugin = {
  name: 'EndpointAddresses',
  operations: ['CREATE', 'UPDATE'],
  validate({ resource, subresource, object, user, name }) {
    if (subresource !== '' || user.username === SERVER) return
    const found: Findings = []
    validateAddresses(resource, object, found)
    if (found.length > 0) throw invalid(resource, name, found)
  },
}

function validateAddresses(resource: unknown, object: KubernetesObject | undefined, found: Findings): void {
  if (resource === endpointSlices) {
    const { addressType, endpoints: all } = object as EndpointSlice
    if (addressType === 'FQDN') return
    for (const [index, { addresses = [] }] of (all ?? []).entries())
      for (const [at, ip] of addresses.entries()) validateExternalIP(ip, `endpoints[${index}].addresses[${at}]`, found)
  }
  if (resource !== endpoints) return
  for (const [index, { addresses = [], notReadyAddresses = [] }] of ((object as Endpoints).subsets ?? []).entries()) {
    for (const [at, { ip }] of addresses.entries()) validateExternalIP(ip, `subsets[${index}].addresses[${at}].ip`, found)
    for (const [at, { ip }] of notReadyAddresses.entries())
      validateExternalIP(ip, `subsets[${index}].notReadyAddresses[${at}].ip`, found)
  }
}
