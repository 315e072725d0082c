import type { Service, ServicePort } from '#api'

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
 * Keeps `clusterIP` and `clusterIPs[0]` the same: clients that know only one of the two fields change that one.
 *
 *     old { clusterIP: A, clusterIPs: [A] }, new { clusterIP: '', clusterIPs: [A] }  →  both cleared
 */
export function normalizeClusterIPs(draft: Service, old: Service | undefined): void {
  const spec = draft.spec
  if (spec === undefined) return
  const [single, list] = [spec.clusterIP ?? '', spec.clusterIPs ?? []]
  if (old === undefined) {
    if (single !== '' && list.length === 0) spec.clusterIPs = [single]
    else if (single === '' && list[0] !== undefined) spec.clusterIP = list[0]
    return
  }
  const [oldSingle, oldList] = [old.spec?.clusterIP ?? '', old.spec?.clusterIPs ?? []]
  const singleChanged = single !== oldSingle
  const listChanged = list.length !== oldList.length || list.some((ip, index) => ip !== oldList[index])
  if (singleChanged && !listChanged) {
    if (single === '') delete spec.clusterIPs
    else spec.clusterIPs = [single]
  } else if (listChanged && !singleChanged) {
    spec.clusterIP = list[0] ?? ''
  }
}

/** An update that leaves an allocated value out means "as it is", as long as the type still wants it. */
export function keepAllocated(draft: Service, old: Service): void {
  const [spec, before] = [draft.spec, old.spec]
  if (spec === undefined || before === undefined) return
  if (hasClusterIP(draft) && hasClusterIP(old) && !spec.clusterIP && !spec.clusterIPs?.length) {
    if (before.clusterIP !== undefined) spec.clusterIP = before.clusterIP
    if (before.clusterIPs !== undefined) spec.clusterIPs = [...before.clusterIPs]
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
    if (spec.clusterIP === before.clusterIP) delete spec.clusterIP
    if (JSON.stringify(spec.clusterIPs) === JSON.stringify(before.clusterIPs)) delete spec.clusterIPs
    if (JSON.stringify(spec.ipFamilies) === JSON.stringify(before.ipFamilies)) delete spec.ipFamilies
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
