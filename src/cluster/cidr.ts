import { assert } from '#base'

/** The address `offset` places after the first of an IPv4 range: `addressIn('10.96.0.0/12', 1)` is `10.96.0.1`. */
export function addressIn(cidr: string, offset: number): string {
  const [base = '', bits = ''] = cidr.split('/')
  const first = base.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
  const size = 2 ** (32 - Number(bits))
  assert(offset < size, `${cidr} holds an address at ${offset}`)
  const address = first - (first % size) + offset
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}
