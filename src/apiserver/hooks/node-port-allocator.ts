import type { KubernetesObject } from '#meta'
import { type Entry, RevisionConflict } from '#store'
import { decodeStored, encodeForStore, formOfStored, type StorageForm } from '../registry/object-version.ts'
import { AllocationError } from './cluster-ip-allocator.ts'
import type { HookContext, PortRange } from './types.ts'

/**
 * Upstream's key; its value is a RangeAllocation whose data is a bitmap of the range. In protobuf, which upstream may read, these are the bytes of one large
 * number, so that the last port leads; in JSON the first does, as in every store of ours.
 */
const KEY = '/registry/ranges/servicenodeports'

interface RangeAllocation extends KubernetesObject {
  readonly kind: 'RangeAllocation'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, never>
  readonly range: string
  readonly data?: string
}

/** Takes the wanted ports and, for each undefined, a free one; all or none. One port may be wanted for several protocols. */
export async function allocateNodePorts(
  wanted: readonly (number | undefined)[],
  context: HookContext,
): Promise<{ readonly ports: number[]; readonly failedAt?: { readonly index: number; readonly error: AllocationError } }> {
  if (wanted.length === 0) return { ports: [] }
  let ports: number[] = []
  let failedAt: { index: number; error: AllocationError } | undefined
  await change(context, (bitmap) => {
    ports = []
    failedAt = undefined
    for (const [index, port] of wanted.entries()) {
      try {
        ports.push(take(bitmap, port, context))
      } catch (error) {
        if (!(error instanceof AllocationError)) throw error
        failedAt = { index, error }
        return false
      }
    }
    return !context.dryRun
  })
  return failedAt === undefined ? { ports } : { ports, failedAt }
}

export async function releaseNodePorts(ports: readonly number[], context: HookContext): Promise<void> {
  if (ports.length === 0 || context.dryRun) return
  await change(context, (bitmap) => {
    for (const port of ports)
      if (inRange(port, context.serviceNodePortRange)) setBit(bitmap, port - context.serviceNodePortRange.from, false)
    return true
  })
}

/** Ports that are marked but not in `used`, and those in `used` that are not marked. */
export async function compareNodePorts(
  used: ReadonlySet<number>,
  context: HookContext,
): Promise<{ readonly leaked: number[]; readonly missing: number[] }> {
  const bitmap = decode(await context.store.get(KEY), context.serviceNodePortRange)
  const { from, to } = context.serviceNodePortRange
  const leaked: number[] = []
  for (let port = from; port <= to; port++) if (hasBit(bitmap, port - from) && !used.has(port)) leaked.push(port)
  return {
    leaked,
    missing: [...used].filter((port) => inRange(port, context.serviceNodePortRange) && !hasBit(bitmap, port - from)),
  }
}

const inRange = (port: number, { from, to }: PortRange): boolean => port >= from && port <= to

function take(bitmap: Uint8Array, wanted: number | undefined, { serviceNodePortRange: range, random }: HookContext): number {
  const size = range.to - range.from + 1
  if (wanted !== undefined) {
    if (!inRange(wanted, range)) {
      throw new AllocationError(`provided port is not in the valid range. The range of valid ports is ${range.from}-${range.to}`)
    }
    if (hasBit(bitmap, wanted - range.from)) throw new AllocationError('provided port is already allocated')
    setBit(bitmap, wanted - range.from, true)
    return wanted
  }
  // The lower band is left for ports that users choose (KEP-3668).
  const band = size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128)
  const start = random.int(size - band)
  for (let step = 0; step < size; step++) {
    const offset = step < size - band ? band + ((start + step) % (size - band)) : step - (size - band)
    if (hasBit(bitmap, offset)) continue
    setBit(bitmap, offset, true)
    return range.from + offset
  }
  throw new AllocationError('range is full')
}

/** Reads, changes and writes back under the revision that was read, until no other server came between. */
async function change(context: HookContext, edit: (bitmap: Uint8Array) => boolean): Promise<void> {
  const { store, serviceNodePortRange } = context
  let entry = await store.get(KEY)
  for (;;) {
    const bitmap = decode(entry, serviceNodePortRange)
    if (!edit(bitmap)) return
    try {
      await write(context, entry, bitmap)
      return
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error
      entry = error.current
    }
  }
}

async function write(context: HookContext, entry: Entry | undefined, bitmap: Uint8Array): Promise<void> {
  const { store, storageForm, serviceNodePortRange } = context
  const { from, to } = serviceNodePortRange
  const allocation: RangeAllocation = {
    kind: 'RangeAllocation',
    apiVersion: 'v1',
    metadata: {},
    range: `${from}-${to}`,
    data: ordered(bitmap, storageForm).toString('base64'),
  }
  await store.put(KEY, encodeForStore(allocation, storageForm), { expected: entry?.revision ?? 0 })
}

/** An allocation for another range is started over: the repair at start-up marks what is in use. */
function decode(entry: Entry | undefined, { from, to }: PortRange): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil((to - from + 1) / 8))
  if (entry === undefined) return bitmap
  const { range, data = '' } = decodeStored(entry.value) as RangeAllocation
  // Of a number, leading zeros may have been left out.
  const bytes = ordered(Buffer.from(data, 'base64'), formOfStored(entry.value))
  if (range === `${from}-${to}`) bitmap.set(bytes.subarray(0, bitmap.length))
  return bitmap
}

const ordered = (bytes: Uint8Array, form: StorageForm): Buffer =>
  form === 'protobuf' ? Buffer.from(bytes).reverse() : Buffer.from(bytes)

const hasBit = (bitmap: Uint8Array, offset: number): boolean => (bitmap[offset >> 3]! & (1 << (offset & 7))) !== 0

function setBit(bitmap: Uint8Array, offset: number, on: boolean): void {
  const mask = 1 << (offset & 7)
  bitmap[offset >> 3] = on ? bitmap[offset >> 3]! | mask : bitmap[offset >> 3]! & ~mask
}
