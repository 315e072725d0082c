import { BlockList, isIP } from 'node:net'
import { type IPAddress, ipAddresses, type ServiceCIDR, serviceCIDRs } from '#api'
import { formatTime, isNotFound } from '#meta'
import { defineController, done, requeueAt, watch } from './framework/index.ts'

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer'
/** Allocators that do not know yet that a range goes may still give its addresses away. */
const DELETION_GRACE_MS = 10_000

/**
 * Says which ranges of Service addresses are ready, and keeps one from going while it holds addresses that no other range holds
 * (https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/, KEP-1880).
 */
export const serviceCIDRController = defineController({
  name: 'service-cidrs-controller',
  flag: 'service-cidr-controller',
  for: serviceCIDRs,
  watches: [
    watch(ipAddresses, (address, { cache }) =>
      isManaged(address)
        ? cache(serviceCIDRs)
            .list()
            .filter((range) => holds(range, address))
            .map(({ metadata }) => metadata!.name!)
        : [],
    ),
    watch(serviceCIDRs, (changed, { cache }) =>
      cache(serviceCIDRs)
        .list()
        .filter((range) => overlap(range, changed))
        .map(({ metadata }) => metadata!.name!),
    ),
  ],
  async reconcile({ key, cache, client, clock }) {
    const range = cache(serviceCIDRs).get(key)
    if (range === undefined) return done
    const { deletionTimestamp, finalizers = [] } = range.metadata!
    const setReady = (condition: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }) =>
      unlessGone(() =>
        client.patch(serviceCIDRs, key, statusOf(range, condition, clock.now()), {
          type: 'apply',
          fieldManager: MANAGER,
          force: true,
          subresource: 'status',
        }),
      )
    if (deletionTimestamp === undefined) {
      if (!finalizers.includes(FINALIZER)) {
        await unlessGone(() => client.patch(serviceCIDRs, key, { metadata: { finalizers: [FINALIZER] } }, { type: 'strategic' }))
      }
      if (!isReady(range)) await setReady({ status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' })
      return done
    }
    if (!finalizers.includes(FINALIZER)) return done
    if (keepsOrphans(range, cache(serviceCIDRs).list(), cache(ipAddresses).list())) {
      await setReady({
        status: 'False',
        reason: 'Terminating',
        message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
      })
      return done
    }
    const due = Date.parse(deletionTimestamp) + DELETION_GRACE_MS
    if (clock.now() < due) return requeueAt(due)
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [FINALIZER] } }
    await unlessGone(() => client.patch(serviceCIDRs, key, patch, { type: 'strategic' }))
    return done
  },
})

const MANAGER = 'service-cidr-controller'

const isManaged = ({ metadata }: IPAddress): boolean =>
  metadata?.labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io'

const readyOf = ({ status }: ServiceCIDR) => status?.conditions?.find(({ type }) => type === 'Ready')

const isReady = (range: ServiceCIDR): boolean => readyOf(range)?.status === 'True'

function statusOf(
  range: ServiceCIDR,
  condition: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string },
  nowMs: number,
): object {
  const before = readyOf(range)
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : formatTime(nowMs)
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: range.metadata!.name! },
    status: { conditions: [{ type: 'Ready', ...condition, lastTransitionTime }] },
  }
}

/** Whether an address would be left without a range when this one goes. */
function keepsOrphans(range: ServiceCIDR, ranges: readonly ServiceCIDR[], addresses: readonly IPAddress[]): boolean {
  const others = ranges.filter(({ metadata }) => metadata?.uid !== range.metadata?.uid)
  const isCovered = (cidr: string): boolean => others.some(({ spec }) => spec?.cidrs?.some((other) => contains(other, cidr)))
  if ((range.spec?.cidrs ?? []).every(isCovered)) return false
  return addresses.some(
    (address) => isManaged(address) && holds(range, address) && !others.some((other) => holds(other, address)),
  )
}

const holds = ({ spec }: ServiceCIDR, { metadata }: IPAddress): boolean =>
  spec?.cidrs?.some((cidr) => contains(cidr, `${metadata?.name}/${isIP(metadata?.name ?? '') === 6 ? 128 : 32}`)) ?? false

const overlap = (one: ServiceCIDR, other: ServiceCIDR): boolean =>
  one.spec?.cidrs?.some((a) => other.spec?.cidrs?.some((b) => contains(a, b) || contains(b, a))) ?? false

/** Whether the first range holds all of the second. */
function contains(outer: string, inner: string): boolean {
  const [outerAddress = '', outerBits] = outer.split('/')
  const [innerAddress = '', innerBits] = inner.split('/')
  const family = isIP(outerAddress)
  if (family !== isIP(innerAddress) || Number(innerBits) < Number(outerBits)) return false
  const list = new BlockList()
  list.addSubnet(outerAddress, Number(outerBits), family === 6 ? 'ipv6' : 'ipv4')
  return list.check(innerAddress, family === 6 ? 'ipv6' : 'ipv4')
}

async function unlessGone(write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
