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

export function validateService({ spec = {} }: Service, found: Findings): void {
  const ports = spec.ports ?? []
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') found.push(required('spec.ports'))
  validateType(spec, found)
  validatePorts(ports, found)
  labels(spec.selector, 'spec.selector', found)
  oneOf(spec.sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity', found)
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined && (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX)) {
    found.push(
      invalidValue(
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
        seconds,
        `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`,
      ),
    )
  }
  if (spec.type !== 'ExternalName') validateClusterIPs(spec, found)
  for (const [index, ip] of (spec.externalIPs ?? []).entries()) validateExternalIP(ip, `spec.externalIPs[${index}]`, found)
  oneOf(spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], 'spec.type', found)
  validateNumbers(spec, ports, found)
  validateBalancer(spec, found)
  validatePolicies(spec, found)
}

function validateType(spec: ServiceSpec, found: Findings): void {
  switch (spec.type) {
    case 'LoadBalancer':
      for (const [index, { port: number }] of (spec.ports ?? []).entries()) {
        if (number === KUBELET_PORT) {
          const rule = 'may not expose port 10250 externally since it is used by kubelet'
          found.push(invalidValue(`spec.ports[${index}]`, number, rule))
        }
      }
      if (isHeadless(spec))
        found.push(invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"))
      break
    case 'NodePort':
      if (isHeadless(spec))
        found.push(invalidValue('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"))
      break
    case 'ExternalName': {
      const rule = 'may not be set for ExternalName services'
      if (spec.clusterIPs?.length) found.push(forbid('spec.clusterIPs', rule))
      if (spec.ipFamilies?.length) found.push(forbid('spec.ipFamilies', rule))
      if (spec.ipFamilyPolicy !== undefined) found.push(forbid('spec.ipFamilyPolicy', rule))
      const name = (spec.externalName ?? '').replace(/\.$/, '')
      if (name === '') found.push(required('spec.externalName'))
      else complaints(subdomainName(name), name, 'spec.externalName', found)
      break
    }
    default:
  }
}

function validatePorts(ports: readonly ServicePort[], found: Findings): void {
  const names = new Set<string>()
  for (const [index, each] of ports.entries()) {
    const path = `spec.ports[${index}]`
    if (!each.name) {
      if (ports.length > 1) found.push(required(`${path}.name`))
    } else {
      complaints(dnsLabel(each.name), each.name, `${path}.name`, found)
      if (names.has(each.name)) found.push(duplicateValue(`${path}.name`, each.name))
      names.add(each.name)
    }
    port(each.port ?? 0, `${path}.port`, found)
    oneOf(each.protocol, ['SCTP', 'TCP', 'UDP'], `${path}.protocol`, found)
    if (each.targetPort !== undefined) portOrName(each.targetPort, `${path}.targetPort`, found)
    if (each.appProtocol) complaints(qualifiedName(each.appProtocol), each.appProtocol, `${path}.appProtocol`, found)
  }
}

/** Numbers that several ports must not share. */
function validateNumbers(spec: ServiceSpec, ports: readonly ServicePort[], found: Findings): void {
  if (spec.type === 'ClusterIP') {
    for (const [index, { nodePort }] of ports.entries())
      if (nodePort) found.push(forbid(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"))
  }
  const nodePorts = new Set<string>()
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue
    const key = `${protocol}/${nodePort}`
    if (nodePorts.has(key)) found.push(duplicateValue(`spec.ports[${index}].nodePort`, nodePort))
    nodePorts.add(key)
  }
  const numbers = new Set<string>()
  for (const [index, { protocol, port: number }] of ports.entries()) {
    const key = `${protocol}/${number}`
    if (numbers.has(key)) found.push(duplicateValue(`spec.ports[${index}]`, { protocol, port: number }))
    numbers.add(key)
  }
}

function validateBalancer(spec: ServiceSpec, found: Findings): void {
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    cidr(range.trim(), `spec.loadBalancerSourceRanges[${index}]`, found)
  }
  if (spec.type === 'LoadBalancer') return
  if (spec.loadBalancerSourceRanges?.length) {
    found.push(forbid('spec.loadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'"))
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined) {
    found.push(forbid('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"))
  }
  if (spec.loadBalancerClass !== undefined) {
    found.push(forbid('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"))
  }
}

function validatePolicies(spec: ServiceSpec, found: Findings): void {
  if (spec.externalTrafficPolicy !== undefined) {
    if (!isExternallyAccessible(spec)) {
      const rule = 'may only be set for externally-accessible services'
      found.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, rule))
    } else oneOf(spec.externalTrafficPolicy, ['Cluster', 'Local'], 'spec.externalTrafficPolicy', found)
  }
  if (spec.healthCheckNodePort && !hasHealthCheck(spec)) {
    const rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    found.push(invalidValue('spec.healthCheckNodePort', spec.healthCheckNodePort, rule))
  }
  optionalOneOf(spec.internalTrafficPolicy, ['Cluster', 'Local'], 'spec.internalTrafficPolicy', found)
  optionalOneOf(spec.trafficDistribution, DISTRIBUTIONS, 'spec.trafficDistribution', found)
}

/** Of a load balancer, which asks each node whether it has endpoints. */
const hasHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local'

const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone']

/** An address that clients resolved and rules were made for stays, as long as the type still has one. */
export function validateServiceUpdate({ spec = {} }: Service, { spec: old = {} }: Service, found: Findings): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return
  validateAddressChange(spec, old, found)
  if (hasHealthCheck(spec) && hasHealthCheck(old) && spec.healthCheckNodePort !== old.healthCheckNodePort)
    found.push(forbid('spec.healthCheckNodePort', IMMUTABLE))
  if (spec.type === 'LoadBalancer' && old.type === 'LoadBalancer' && spec.loadBalancerClass !== old.loadBalancerClass) {
    found.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'))
  }
}
