import type { Service, ServicePort, ServiceSpec } from '../generated/types.ts'
import { validateExternalIP } from '../validation/addresses.ts'
import { cidr, labels, portOrName } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  IMMUTABLE,
  invalidValue,
  oneOf,
  optionalOneOf,
  port,
  required,
} from '../validation/findings.ts'
import { dnsLabel, qualifiedName, subdomainName } from '../validation/names.ts'
import { isExternallyAccessible } from './default-service.ts'
import { isHeadless, validateAddressChange, validateClusterIPs } from './validate-service-addresses.ts'

const AFFINITY_SECONDS_MAX = 86_400
const KUBELET_PORT = 10_250

export function* validateService({ spec = {} }: Service): Findings {
  const ports = spec.ports ?? []
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') yield required('spec.ports')
  yield* validateType(spec)
  yield* validatePorts(ports)
  yield* labels(spec.selector, 'spec.selector')
  yield* oneOf(spec.sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity')
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined && (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX)) {
    yield invalidValue(
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
      seconds,
      `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`,
    )
  }
  if (spec.type !== 'ExternalName') yield* validateClusterIPs(spec)
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) yield* validateExternalIP(ip, `spec.externalIPs[${index}]`)
  yield* oneOf(spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], 'spec.type')
  yield* validateNumbers(spec, ports)
  yield* validateBalancer(spec)
  yield* validatePolicies(spec)
}

function* validateType(spec: ServiceSpec): Findings {
  switch (spec.type) {
    case 'LoadBalancer':
      for (const [index, { port: number }] of (spec.ports ?? []).entries()) {
        if (number === KUBELET_PORT) {
          const rule = 'may not expose port 10250 externally since it is used by kubelet'
          yield invalidValue(`spec.ports[${index}]`, number, rule)
        }
      }
      if (isHeadless(spec)) yield invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services")
      break
    case 'NodePort':
      if (isHeadless(spec)) yield invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services")
      break
    case 'ExternalName': {
      const rule = 'may not be set for ExternalName services'
      if (spec.clusterIPs?.length) yield forbid('spec.clusterIPs', rule)
      if (spec.ipFamilies?.length) yield forbid('spec.ipFamilies', rule)
      if (spec.ipFamilyPolicy !== undefined) yield forbid('spec.ipFamilyPolicy', rule)
      const name = (spec.externalName ?? '').replace(/\.$/, '')
      if (name === '') yield required('spec.externalName')
      else yield* complaints(subdomainName(name), name, 'spec.externalName')
      break
    }
    default:
  }
}

function* validatePorts(ports: readonly ServicePort[]): Findings {
  const names = new Set<string>()
  for (const [index, each] of ports.entries()) {
    const path = `spec.ports[${index}]`
    if (!each.name) {
      if (ports.length > 1) yield required(`${path}.name`)
    } else {
      yield* complaints(dnsLabel(each.name), each.name, `${path}.name`)
      if (names.has(each.name)) yield duplicateValue(`${path}.name`, each.name)
      names.add(each.name)
    }
    yield* port(each.port ?? 0, `${path}.port`)
    yield* oneOf(each.protocol, ['SCTP', 'TCP', 'UDP'], `${path}.protocol`)
    if (each.targetPort !== undefined) yield* portOrName(each.targetPort, `${path}.targetPort`)
    if (each.appProtocol) yield* complaints(qualifiedName(each.appProtocol), each.appProtocol, `${path}.appProtocol`)
  }
}

/** Numbers that several ports must not share. */
function* validateNumbers(spec: ServiceSpec, ports: readonly ServicePort[]): Findings {
  if (spec.type === 'ClusterIP') {
    for (const [index, { nodePort }] of ports.entries())
      if (nodePort) yield forbid(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'")
  }
  const nodePorts = new Set<string>()
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue
    const key = `${protocol}/${nodePort}`
    if (nodePorts.has(key)) yield duplicateValue(`spec.ports[${index}].nodePort`, nodePort)
    nodePorts.add(key)
  }
  const numbers = new Set<string>()
  for (const [index, { protocol, port: number }] of ports.entries()) {
    const key = `${protocol}/${number}`
    if (numbers.has(key)) yield duplicateValue(`spec.ports[${index}]`, { protocol, port: number })
    numbers.add(key)
  }
}

function* validateBalancer(spec: ServiceSpec): Findings {
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    yield* cidr(range.trim(), `spec.loadBalancerSourceRanges[${index}]`)
  }
  if (spec.type === 'LoadBalancer') return
  if (spec.loadBalancerSourceRanges?.length) {
    yield forbid('spec.loadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'")
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined) {
    yield forbid('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'")
  }
  if (spec.loadBalancerClass !== undefined) {
    yield forbid('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'")
  }
}

function* validatePolicies(spec: ServiceSpec): Findings {
  if (spec.externalTrafficPolicy !== undefined) {
    if (!isExternallyAccessible(spec)) {
      const rule = 'may only be set for externally-accessible services'
      yield invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, rule)
    } else yield* oneOf(spec.externalTrafficPolicy, ['Cluster', 'Local'], 'spec.externalTrafficPolicy')
  }
  if (spec.healthCheckNodePort && !hasHealthCheck(spec)) {
    const rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    yield invalidValue('spec.healthCheckNodePort', spec.healthCheckNodePort, rule)
  }
  yield* optionalOneOf(spec.internalTrafficPolicy, ['Cluster', 'Local'], 'spec.internalTrafficPolicy')
  yield* optionalOneOf(spec.trafficDistribution, DISTRIBUTIONS, 'spec.trafficDistribution')
}

/** Of a load balancer, which asks each node whether it has endpoints. */
const hasHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local'

const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone']

/** An address that clients resolved and rules were made for stays, as long as the type still has one. */
export function* validateServiceUpdate({ spec = {} }: Service, { spec: old = {} }: Service): Findings {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return
  yield* validateAddressChange(spec, old)
  if (hasHealthCheck(spec) && hasHealthCheck(old) && spec.healthCheckNodePort !== old.healthCheckNodePort)
    yield forbid('spec.healthCheckNodePort', IMMUTABLE)
  if (spec.type === 'LoadBalancer' && old.type === 'LoadBalancer' && spec.loadBalancerClass !== old.loadBalancerClass) {
    yield invalidValue('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set')
  }
}
