import type { Node } from '#api'

/** Nodes that lose their pods per second: in a zone that is well, and in a large one that is half down. */
const PRIMARY_RATE = 0.1
const SECONDARY_RATE = 0.01
const UNHEALTHY_SHARE = 0.55
/** A few lost nodes are no disruption, however small the zone. */
const FEW_NODES = 2
const LARGE_ZONE = 50

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption'

export interface Zone {
  readonly state: ZoneState
  readonly size: number
}

/** Zones fail as one: their nodes share power, switches and a way to the API server. */
export function zoneOf({ metadata }: Node): string {
  const labels = metadata?.labels ?? {}
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? ''
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? ''
  return `${region}:${zone}`
}

export function zonesOf(nodes: readonly Node[], isHealthy: (node: Node) => boolean): ReadonlyMap<string, Zone> {
  const counts = new Map<string, { up: number; down: number }>()
  for (const node of nodes) {
    const count = counts.get(zoneOf(node)) ?? { up: 0, down: 0 }
    counts.set(zoneOf(node), count)
    if (isHealthy(node)) count.up++
    else count.down++
  }
  return new Map([...counts].map(([name, { up, down }]) => [name, { state: stateOf(up, down), size: up + down }]))
}

function stateOf(up: number, down: number): ZoneState {
  if (down > 0 && up === 0) return 'FullDisruption'
  return down > FEW_NODES && down / (up + down) >= UNHEALTHY_SHARE ? 'PartialDisruption' : 'Normal'
}

/**
 * How many nodes of a zone per second may lose their pods. A zone that is down altogether keeps the primary rate, since others can take its work; when every zone is
 * down, it is the observer who is cut off, and nobody loses anything.
 */
export function evictionRate(zones: ReadonlyMap<string, Zone>, zone: string): number {
  if (isCutOff(zones)) return 0
  const { state, size } = zones.get(zone) ?? { state: 'Normal', size: 0 }
  if (state !== 'PartialDisruption') return PRIMARY_RATE
  return size > LARGE_ZONE ? SECONDARY_RATE : 0
}

export const isCutOff = (zones: ReadonlyMap<string, Zone>): boolean =>
  zones.size > 0 && [...zones.values()].every(({ state }) => state === 'FullDisruption')
