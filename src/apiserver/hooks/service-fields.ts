import type { Service, ServicePort } from '#api'
import { deepEqual } from '#base'

/** Whether the type of Service has cluster IPs at all (headless ones do: `None`). */
export const hasClusterIP = ({ spec }: Service): boolean => spec?.type !== 'ExternalName'

export const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None' || spec?.clusterIPs?.[0] === 'None'

/** Whether its ports get node ports. */
export function wantsNodePorts({ spec }: Service): boolean {
  if (spec?.type === 'NodePort') return true
  return spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false
}

export const wantsHealthCheckNodePort = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/**
 * Keeps `clusterIP` and `clusterIPs[0]` the same for clients that know only the first, which is from before there were two. Who knows both has to
 * change both, and is told by validation.
 *
 *     old { clusterIP: A, clusterIPs: [A] }, new { clusterIP: B, clusterIPs: [A] }  →  clusterIPs: [B]
 */
export function normalizeClusterIPs({ spec }: Service, old: Service | undefined): void {
  if (spec === undefined) return
  const { clusterIP = '', clusterIPs = [] } = spec
  if (old === undefined) {
    if (clusterIP !== '' && clusterIPs.length === 0) spec.clusterIPs = [clusterIP]
    return
  }
  const isListSame = deepEqual(clusterIPs, old.spec?.clusterIPs ?? [])
  if (clusterIP === (old.spec?.clusterIP ?? '') || !isListSame) return
  if (clusterIP === '') delete spec.clusterIPs
  else spec.clusterIPs = [clusterIP]
}

/** An update that leaves an allocated value out means "as it is", as long as the type still wants it. */
export function keepAllocated(draft: Service, old: Service): void {
  const [spec, before] = [draft.spec, old.spec]
  if (spec === undefined || before === undefined) return
  if (hasClusterIP(draft) && hasClusterIP(old)) {
    if (!spec.clusterIP && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP
    if (!spec.clusterIPs?.length && before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs]
  }
  if (wantsNodePorts(draft) && wantsNodePorts(old)) keepNodePorts(spec.ports ?? [], before.ports ?? [])
  if (wantsHealthCheckNodePort(draft) && wantsHealthCheckNodePort(old) && !spec.healthCheckNodePort) {
    if (before.healthCheckNodePort) spec.healthCheckNodePort = before.healthCheckNodePort
  }
}

function keepNodePorts(ports: ServicePort[], before: readonly ServicePort[]): void {
  const taken = new Set(ports.map((port) => `${port.protocol}/${port.nodePort}`))
  const byPort = new Map(before.map((port) => [`${port.protocol}/${port.port}`, port.nodePort]))
  for (const port of ports) {
    const nodePort = byPort.get(`${port.protocol}/${port.port}`)
    if (!port.nodePort && nodePort && !taken.has(`${port.protocol}/${nodePort}`)) port.nodePort = nodePort
  }
}

/** After a change of type, values of the old type that the client merely sent back are dropped, so that validation does not refuse them. */
export function dropOfOtherType(draft: Service, old: Service): void {
  const [spec, before] = [draft.spec, old.spec]
  if (spec === undefined || before === undefined) return
  if (hasClusterIP(old) && !hasClusterIP(draft)) {
    if (spec.clusterIP === before.clusterIP && deepEqual(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP
      delete spec.clusterIPs
    }
    if (deepEqual(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy
  }
  if (wantsNodePorts(old) && !wantsNodePorts(draft)) {
    const sent = new Set((before.ports ?? []).map((port) => port.nodePort))
    for (const port of spec.ports ?? []) if (sent.has(port.nodePort)) delete port.nodePort
  }
  if (
    wantsHealthCheckNodePort(old) &&
    !wantsHealthCheckNodePort(draft) &&
    spec.healthCheckNodePort === before.healthCheckNodePort
  ) {
    delete spec.healthCheckNodePort
  }
  if (old.spec?.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass
  }
  if (before.externalTrafficPolicy === spec.externalTrafficPolicy && spec.type === 'ClusterIP' && !spec.externalIPs?.length) {
    delete spec.externalTrafficPolicy
  }
}
