import { isIP } from 'node:net'
import { foundBy, validateExternalIP } from '#api'
import { badRequest } from '#meta'

/** Whether the API server may be led to an address: not to itself and its machine, to neighbours by link, or to many at once. */
export const isProxyable = (address: string): boolean =>
  isIP(address) !== 0 && !MULTICAST.test(address) && foundBy((found) => validateExternalIP(address, '', found)).length === 0

/** Multicast of any scope, and broadcast. */
const MULTICAST = /^(?:(?:::ffff:)?(?:22[4-9]|23\d)\.|ff|255\.255\.255\.255$)/i

/**
 * The address of a host that the API server may be led to. A name is resolved here, and the connection goes where it led, whatever it leads to a moment later.
 * Throws 400 with upstream's words.
 */
export async function proxyableAddress(host: string): Promise<string> {
  const addresses = isIP(host) === 0 ? await resolve(host) : [host]
  if (addresses.length === 0) throw badRequest('No addresses for hostname')
  if (!addresses.every(isProxyable)) throw badRequest('address not allowed')
  return addresses[0]!
}

async function resolve(host: string): Promise<string[]> {
  const { lookup } = await import('node:dns/promises')
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (error) {
    throw badRequest((error as Error).message, error)
  }
}
