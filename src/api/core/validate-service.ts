import type { ValidationContext } from '../definition.ts'
import type { Service, ServicePort, ServiceSpec } from '../generated/types.ts'
import { validateExternalIP } from '../validation/addresses.ts'
import { labels, portOrName } from '../validation/common.ts'
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
import { cidr } from '../validation/ip.ts'
import { dnsLabel, qualifiedName, subdomainName } from '../validation/names.ts'
import { isExternallyAccessible } from './default-service.ts'
import { isHeadless, validateAddressChange, validateClusterIPs } from './validate-service-addresses.ts'

const AFFINITY_SECONDS_MAX = 86_400
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'

export function validateService(service: Service, found: Findings, { old }: ValidationContext<Service>): void {
  const { metadata, spec = {} } = service
  const [mode, hints] = [metadata?.annotations?.[TOPOLOGY_MODE], metadata?.annotations?.[TOPOLOGY_HINTS]]
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    const rule = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`
    found.push(invalidValue(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, rule))
  }
  const ports = spec.ports ?? []
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') found.push(required('spec.ports'))
  validateType(spec, found)
  validatePorts(ports, found)
  labels(spec.selector, 'spec.selector', found)
  oneOf(spec.sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity', found)
  validateAffinity(spec, found)
  if (spec.type !== 'ExternalName') validateClusterIPs(spec, found, old?.spec?.clusterIPs)
  for (const [index, ip] of (spec.externalIPs ?? []).entries())
    validateExternalIP(ip, `spec.externalIPs[${index}]`, found, old?.spec?.externalIPs)
  oneOf(spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'], 'spec.type', found)
  validateNumbers(spec, ports, found)
  validateBalancer(service, old, found)
  validatePolicies(spec, found)
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig: config }: ServiceSpec, found: Findings): void {
  const path = 'spec.sessionAffinityConfig'
  if (sessionAffinity === 'None' && config !== undefined)
    found.push(forbid(path, 'must not be set when session affinity is None'))
  if (sessionAffinity !== 'ClientIP') return
  const seconds = config?.clientIP?.timeoutSeconds
  if (config === undefined) found.push(required(path, 'when session affinity type is ClientIP'))
  else if (config.clientIP === undefined) found.push(required(`${path}.clientIP`, 'when session affinity type is ClientIP'))
  else if (seconds === undefined)
    found.push(required(`${path}.clientIP.timeoutSeconds`, 'when session affinity type is ClientIP'))
  else if (seconds <= 0 || seconds > AFFINITY_SECONDS_MAX) {
    const rule = `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`
    found.push(invalidValue(`${path}.clientIP.timeoutSeconds`, seconds, rule))
  }
}

function validateType(spec: ServiceSpec, found: Findings): void {
  switch (spec.type) {
    case 'LoadBalancer':
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
    portOrName(each.targetPort, `${path}.targetPort`, found)
    if (each.appProtocol !== undefined)
      complaints(qualifiedName(each.appProtocol), each.appProtocol, `${path}.appProtocol`, found)
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
    // Upstream shows a type of its own.
    const shown = { Name: '', Protocol: protocol, AppProtocol: null, Port: number, TargetPort: 0, NodePort: 0 }
    if (numbers.has(key)) found.push(duplicateValue(`spec.ports[${index}]`, shown))
    numbers.add(key)
  }
}

const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const OF_BALANCERS = "may only be used when `type` is 'LoadBalancer'"

function validateBalancer(service: Service, old: Service | undefined, found: Findings): void {
  const { type, loadBalancerSourceRanges: ranges = [], allocateLoadBalancerNodePorts } = service.spec ?? {}
  const isBalancer = type === 'LoadBalancer'
  if (ranges.length > 0) {
    const path = 'spec.LoadBalancerSourceRanges'
    if (!isBalancer) found.push(forbid(path, OF_BALANCERS))
    const kept = old?.spec?.loadBalancerSourceRanges?.map((range) => range.trim())
    for (const [index, range] of ranges.entries()) cidr(range.trim(), `${path}[${index}]`, found, kept)
  } else annotatedRanges(service, old, isBalancer, found)
  if (!isBalancer && allocateLoadBalancerNodePorts !== undefined)
    found.push(forbid('spec.allocateLoadBalancerNodePorts', OF_BALANCERS))
  if (isBalancer && allocateLoadBalancerNodePorts === undefined) found.push(required('allocateLoadBalancerNodePorts'))
  validateBalancerClass(service.spec ?? {}, found)
}

/** What there was before the field. */
function annotatedRanges({ metadata }: Service, old: Service | undefined, isBalancer: boolean, found: Findings): void {
  const value = metadata?.annotations?.[SOURCE_RANGES]
  if (value === undefined) return
  const path = `metadata.annotations[${SOURCE_RANGES}]`
  if (!isBalancer) found.push(forbid(path, OF_BALANCERS))
  if (old?.metadata?.annotations?.[SOURCE_RANGES] === value || value.trim() === '') return
  for (const range of value.trim().split(',')) cidr(range.trim(), path, found)
}

function validateBalancerClass({ type, loadBalancerClass: name }: ServiceSpec, found: Findings): void {
  if (name === undefined) return
  if (type === 'LoadBalancer') complaints(qualifiedName(name), name, 'spec.loadBalancerClass', found)
  else found.push(forbid('spec.loadBalancerClass', OF_BALANCERS))
}

function validatePolicies(spec: ServiceSpec, found: Findings): void {
  const { externalTrafficPolicy: external, healthCheckNodePort: checked, internalTrafficPolicy: internal } = spec
  if (isExternallyAccessible(spec)) oneOf(external, ['Cluster', 'Local'], 'spec.externalTrafficPolicy', found)
  else if (external) {
    const rule = 'may only be set for externally-accessible services'
    found.push(invalidValue('spec.externalTrafficPolicy', external, rule))
  }
  if (hasHealthCheck(spec)) {
    if (!checked) found.push(required('spec.healthCheckNodePort'))
    else port(checked, 'spec.healthCheckNodePort', found)
  } else if (checked) {
    const rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    found.push(invalidValue('spec.healthCheckNodePort', checked, rule))
  }
  if (internal === undefined && INTERNAL_TYPES.has(spec.type ?? '')) found.push(required('spec.internalTrafficPolicy'))
  optionalOneOf(internal, ['Cluster', 'Local'], 'spec.internalTrafficPolicy', found)
  optionalOneOf(spec.trafficDistribution, DISTRIBUTIONS, 'spec.trafficDistribution', found)
}

const INTERNAL_TYPES: ReadonlySet<string> = new Set(['ClusterIP', 'LoadBalancer', 'NodePort'])

/** Of a load balancer, which asks each node whether it has endpoints. */
const hasHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local'

const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode']

/** An address that clients resolved and rules were made for stays, as long as the type still has one. */
export function validateServiceUpdate(service: Service, old: Service, found: Findings): void {
  const [spec, before] = [service.spec ?? {}, old.spec ?? {}]
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') validateAddressChange(spec, before, found)
  if (spec.type === 'LoadBalancer' && before.type === 'LoadBalancer' && spec.loadBalancerClass !== before.loadBalancerClass)
    found.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'))
  validateBalancerClass(spec, found)
  if (hasHealthCheck(spec) && hasHealthCheck(before) && spec.healthCheckNodePort !== before.healthCheckNodePort)
    found.push(forbid('spec.healthCheckNodePort', IMMUTABLE))
  validateService(service, found, { nowMs: 0, old })
}
