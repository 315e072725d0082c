import { validateBalancerName } from '../core/validate-service-status.ts'
import type { ValidationContext } from '../definition.ts'
import type { HTTPIngressPath, Ingress, IngressBackend, TypedLocalObjectReference } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, port, required, unsupported } from '../validation/findings.ts'
import { ipAddress, isReadableAddress } from '../validation/ip.ts'
import { dns1035Label, pathSegmentName, portName, subdomainName, wildcardName } from '../validation/names.ts'

export function validateIngress({ metadata, spec = {} }: Ingress, found: Findings, { isNew = false }: ValidationContext): void {
  if (!spec.rules?.length && spec.defaultBackend === undefined) {
    found.push(invalidValue('spec', null, 'either `defaultBackend` or `rules` must be specified'))
  }
  if (spec.defaultBackend) validateBackend(spec.defaultBackend, 'spec.defaultBackend', found)
  for (const [index, { host, http }] of (spec.rules ?? []).entries()) {
    const path = `spec.rules[${index}]`
    if (host) validateHost(host, `${path}.host`, found)
    if (http === undefined) continue
    if (!http.paths?.length) found.push(required(`${path}.http.paths`))
    for (const [at, each] of (http.paths ?? []).entries()) validatePath(each, `${path}.http.paths[${at}]`, found)
  }
  for (const [index, { hosts = [], secretName }] of (spec.tls ?? []).entries()) {
    for (const [at, host] of hosts.entries()) domain(host, `spec.tls[${index}].hosts[${at}]`, found)
    if (secretName) complaints(subdomainName(secretName), secretName, `spec.tls[${index}].secretName`, found)
  }
  if (spec.ingressClassName === undefined) return
  complaints(subdomainName(spec.ingressClassName), spec.ingressClassName, 'spec.ingressClassName', found)
  const annotated = metadata?.annotations?.[CLASS_ANNOTATION]
  if (isNew && annotated !== undefined && annotated !== spec.ingressClassName) {
    const rule = 'must match `ingressClassName` when both are specified'
    found.push(invalidValue(`annotations.${CLASS_ANNOTATION}`, annotated, rule))
  }
}

function validateHost(host: string, field: string, found: Findings): void {
  if (isReadableAddress(host)) found.push(invalidValue(field, host, 'must be a DNS name, not an IP address'))
  domain(host, field, found)
}

const domain = (host: string, field: string, found: Findings): void =>
  complaints((host.includes('*') ? wildcardName : subdomainName)(host), host, field, found)

/** Where a balancer may be found. */
export function validateIngressStatus({ status }: Ingress, { status: old }: Ingress, found: Findings): void {
  const kept = old?.loadBalancer?.ingress?.map(({ ip }) => ip ?? '')
  for (const [index, { ip, hostname }] of (status?.loadBalancer?.ingress ?? []).entries()) {
    const path = `status.loadBalancer.ingress[${index}]`
    if (ip) ipAddress(ip, `${path}.ip`, found, kept)
    validateBalancerName(hostname, `${path}.hostname`, found)
  }
}

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const [PATH_PARTS, PATH_ENDS] = [
  ['//', '/./', '/../', '%2f', '%2F'],
  ['/..', '/.'],
]

function validatePath({ path = '', pathType, backend }: HTTPIngressPath, field: string, found: Findings): void {
  if (!pathType) {
    found.push(required(`${field}.pathType`, 'pathType must be specified'))
    return
  }
  if (!PATH_TYPES.includes(pathType)) found.push(unsupported(`${field}.pathType`, pathType, PATH_TYPES))
  else if (pathType !== 'ImplementationSpecific') {
    if (!path.startsWith('/')) found.push(invalidValue(`${field}.path`, path, 'must be an absolute path'))
    for (const bad of PATH_PARTS)
      if (path.includes(bad)) found.push(invalidValue(`${field}.path`, path, `must not contain '${bad}'`))
    for (const bad of PATH_ENDS)
      if (path.endsWith(bad)) found.push(invalidValue(`${field}.path`, path, `cannot end with '${bad}'`))
  } else if (path !== '' && !path.startsWith('/')) found.push(invalidValue(`${field}.path`, path, 'must be an absolute path'))
  validateBackend(backend ?? {}, `${field}.backend`, found)
}

function validateBackend({ service, resource }: IngressBackend, field: string, found: Findings): void {
  if (resource !== undefined && service !== undefined) {
    found.push(invalidValue(field, '', 'cannot set both resource and service backends'))
    return
  }
  if (resource !== undefined) localReference(resource, `${field}.resource`, found)
  if (service === undefined) {
    if (resource === undefined) found.push(invalidValue(field, '', 'resource or service backend is required'))
    return
  }
  if (!service.name) found.push(required(`${field}.service.name`))
  else complaints(dns1035Label(service.name), service.name, `${field}.service.name`, found)
  const { name, number } = service.port ?? {}
  if (name && number) found.push(invalidValue(field, '', 'cannot set both port name & port number'))
  else if (name) complaints(portName(name), name, `${field}.service.port.name`, found)
  else if (number) port(number, `${field}.service.port.number`, found)
  else found.push(required(field, 'port name or number is required'))
}

/** A reference to an object whose kind is anyone's. */
export function localReference({ apiGroup, kind, name }: TypedLocalObjectReference, field: string, found: Findings): void {
  if (apiGroup !== undefined) complaints(subdomainName(apiGroup), apiGroup, `${field}.apiGroup`, found)
  for (const [key, value] of Object.entries({ kind, name })) {
    if (!value) found.push(required(`${field}.${key}`, `${key} is required`))
    else complaints(pathSegmentName(value), value, `${field}.${key}`, found)
  }
}

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

/** Of a new one: whoever changes an old one has heard it. */
export function ingressWarnings({ metadata, spec }: Ingress, old: Ingress | undefined, warnings: string[]): void {
  const isAnnotated = metadata?.annotations?.[CLASS_ANNOTATION] !== undefined
  if (old === undefined && isAnnotated && spec?.ingressClassName === undefined) {
    warnings.push(`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`)
  }
}
