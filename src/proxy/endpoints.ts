import type { EndpointSlice } from '#api'
import { canonicalAddress, type Family, familyOf } from './addresses.ts'

/** An address and port that serve one port of a Service. */
export interface Endpoint {
  readonly address: string
  readonly port: number
  readonly isLocal: boolean
}

interface Candidate extends Endpoint {
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly forZones: readonly string[] | undefined
  readonly forNodes: readonly string[] | undefined
}

export interface NodePlace {
  readonly nodeName: string
  readonly zone: string | undefined
}

/** The endpoints a Service port should use here, for each traffic policy. Sorted, without duplicates. */
export interface EndpointChoice {
  readonly cluster: readonly Endpoint[]
  readonly local: readonly Endpoint[]
  /** Addresses of this node's ready endpoints: what a load balancer wants to know. */
  readonly localReady: readonly string[]
  /** Whether any endpoint, anywhere, could serve: distinguishes "none at all" from "none here". */
  readonly anywhere: boolean
}

/**
 * Ready endpoints; when there are none, those that still serve while they terminate, so that a rollout of the last pod loses
 * no connection. With topology hints for every endpoint, those hinted for this node, else for its zone.
 */
export function chooseEndpoints(
  slices: readonly EndpointSlice[],
  port: { readonly name: string; readonly protocol: string },
  family: Family,
  place: NodePlace,
): EndpointChoice {
  const candidates = slices
    .filter(({ addressType }) => addressType === family)
    .flatMap((slice) => candidatesOf(slice, port, place))
  const ready = candidates.filter((candidate) => candidate.ready)
  const draining = candidates.filter(({ serving, terminating }) => serving && terminating)
  const cluster = ready.length > 0 ? hinted(ready, place) : draining
  const localReady = ready.filter(({ isLocal }) => isLocal)
  const local = localReady.length > 0 ? localReady : draining.filter(({ isLocal }) => isLocal)
  return {
    cluster: distinct(cluster),
    local: distinct(local),
    localReady: localReady.map(({ address }) => address),
    anywhere: ready.length + draining.length > 0,
  }
}

function candidatesOf(slice: EndpointSlice, port: { name: string; protocol: string }, place: NodePlace): Candidate[] {
  const found = (slice.ports ?? []).find(
    ({ name, protocol }) => (name ?? '') === port.name && (protocol ?? 'TCP') === port.protocol,
  )
  const number = found?.port
  if (number === undefined || !Number.isInteger(number) || number < 1 || number > 65_535) return []
  return (slice.endpoints ?? []).flatMap(({ addresses = [], conditions = {}, nodeName, hints }) => {
    // Only the first address counts; several have been deprecated from the start.
    const [address = ''] = addresses
    if (familyOf(address) !== slice.addressType) return []
    const ready = conditions.ready ?? true
    const terminating = conditions.terminating ?? false
    return {
      address: canonicalAddress(address),
      port: number,
      isLocal: nodeName === place.nodeName,
      ready,
      serving: conditions.serving ?? ready,
      terminating,
      forZones: hints?.forZones?.map(({ name }) => name),
      forNodes: hints?.forNodes?.map(({ name }) => name),
    }
  })
}

/** A hint holds only if every endpoint has one and at least one is meant for here: half-hinted Services would lose endpoints. */
function hinted(ready: readonly Candidate[], { nodeName, zone }: NodePlace): readonly Candidate[] {
  if (ready.every(({ forNodes }) => forNodes !== undefined && forNodes.length > 0)) {
    const mine = ready.filter(({ forNodes }) => forNodes!.includes(nodeName))
    if (mine.length > 0) return mine
  }
  if (zone !== undefined && ready.every(({ forZones }) => forZones !== undefined && forZones.length > 0)) {
    const mine = ready.filter(({ forZones }) => forZones!.includes(zone))
    if (mine.length > 0) return mine
  }
  return ready
}

function distinct(candidates: readonly Candidate[]): Endpoint[] {
  const byKey = new Map<string, Endpoint>()
  for (const { address, port, isLocal } of candidates) byKey.set(`${address} ${port}`, { address, port, isLocal })
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint)
}
