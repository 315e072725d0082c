import { isExternallyAccessible, type Service, type ServicePort } from '#api'
import { deepEqual } from '#base'
import { type FieldError, invalid, type StatusError } from '#meta'

/** Whether the type of Service has cluster IPs at all (headless ones do: `None`). */
export const hasClusterIP = ({ spec }: Service): boolean => spec?.type !== 'ExternalName'

export const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None' || spec?.clusterIPs?.[0] === 'None'

/** Whether its ports may have node ports. */
export const mayHaveNodePorts = ({ spec }: Service): boolean => spec?.type === 'NodePort' || spec?.type === 'LoadBalancer'

/** Whether they get some that they do not name. */
export const allocatesNodePorts = (service: Service): boolean =>
  mayHaveNodePorts(service) && (service.spec?.type === 'NodePort' || service.spec?.allocateLoadBalancerNodePorts !== false)

export const needsHealthCheckNodePort = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

export const invalidService = ({ metadata }: Service, errors: readonly FieldError[]): StatusError =>
  invalid({ group: '', kind: 'Service' }, metadata?.name ?? '', errors)

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
  if (mayHaveNodePorts(draft) && mayHaveNodePorts(old)) keepNodePorts(spec.ports ?? [], before.ports ?? [])
  if (needsHealthCheckNodePort(draft) && needsHealthCheckNodePort(old) && !spec.healthCheckNodePort) {
    if (before.healthCheckNodePort) spec.healthCheckNodePort = before.healthCheckNodePort
  }
}

/** A port is known by its name, whatever else of it changed. */
function keepNodePorts(ports: readonly ServicePort[], before: readonly ServicePort[]): void {
  const sent = new Set(ports.map(({ nodePort }) => nodePort))
  const byName = new Map(before.map(({ name = '', nodePort }) => [name, nodePort]))
  for (const port of ports) {
    const nodePort = byName.get(port.name ?? '')
    if (!port.nodePort && nodePort && !sent.has(nodePort)) port.nodePort = nodePort
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
  if (mayHaveNodePorts(old) && !mayHaveNodePorts(draft)) {
    const known = new Set((before.ports ?? []).map(({ nodePort }) => nodePort))
    const ports = spec.ports ?? []
    if (ports.every(({ nodePort }) => !nodePort || known.has(nodePort))) for (const port of ports) delete port.nodePort
  }
  const isHealthPortSame = spec.healthCheckNodePort === before.healthCheckNodePort
  if (needsHealthCheckNodePort(old) && !needsHealthCheckNodePort(draft) && isHealthPortSame) delete spec.healthCheckNodePort
  if (old.spec?.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass
  }
  const isPolicySame = spec.externalTrafficPolicy === before.externalTrafficPolicy
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec) && isPolicySame) delete spec.externalTrafficPolicy
  // Whoever balances may not have let go of it yet; nobody is led there any more.
  if (spec.type !== 'LoadBalancer' && draft.status?.loadBalancer?.ingress !== undefined) draft.status.loadBalancer = {}
}
