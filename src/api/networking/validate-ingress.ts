import { isIP } from 'node:net'
import type { ValidationContext } from '../definition.ts'
import type { HTTPIngressPath, Ingress, IngressBackend, TypedLocalObjectReference } from '../generated/types.ts'
import { ipAddress } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, port, required, unsupported } from '../validation/findings.ts'
import { dns1035Label, pathSegmentName, portName, subdomainName, wildcardName } from '../validation/names.ts'

export function* validateIngress({ metadata, spec = {} }: Ingress, { isNew = false }: ValidationContext): Findings {
  if (!spec.rules?.length && spec.defaultBackend === undefined) {
    yield invalidValue('spec', null, 'either `defaultBackend` or `rules` must be specified')
  }
  if (spec.defaultBackend) yield* validateBackend(spec.defaultBackend, 'spec.defaultBackend')
  for (const [index, { host, http }] of (spec.rules ?? []).entries()) {
    const path = `spec.rules[${index}]`
    if (host) yield* validateHost(host, `${path}.host`)
    if (http === undefined) continue
    if (!http.paths?.length) yield required(`${path}.http.paths`)
    for (const [at, each] of (http.paths ?? []).entries()) yield* validatePath(each, `${path}.http.paths[${at}]`)
  }
  for (const [index, { hosts = [], secretName }] of (spec.tls ?? []).entries()) {
    for (const [at, host] of hosts.entries()) yield* domain(host, `spec.tls[${index}].hosts[${at}]`)
    if (secretName) yield* complaints(subdomainName(secretName), secretName, `spec.tls[${index}].secretName`)
  }
  if (spec.ingressClassName === undefined) return
  yield* complaints(subdomainName(spec.ingressClassName), spec.ingressClassName, 'spec.ingressClassName')
  const annotated = metadata?.annotations?.[CLASS_ANNOTATION]
  if (isNew && annotated !== undefined && annotated !== spec.ingressClassName) {
    const rule = 'must match `ingressClassName` when both are specified'
    yield invalidValue(`annotations.${CLASS_ANNOTATION}`, annotated, rule)
  }
}

function* validateHost(host: string, field: string): Findings {
  if (isIP(host) !== 0) yield invalidValue(field, host, 'must be a DNS name, not an IP address')
  yield* domain(host, field)
}

const domain = (host: string, field: string): Findings =>
  complaints((host.includes('*') ? wildcardName : subdomainName)(host), host, field)

/** Where a balancer may be found. */
export function* validateIngressStatus({ status }: Ingress): Findings {
  for (const [index, { ip, hostname }] of (status?.loadBalancer?.ingress ?? []).entries()) {
    const path = `status.loadBalancer.ingress[${index}]`
    if (ip) yield* ipAddress(ip, `${path}.ip`)
    if (!hostname) continue
    yield* complaints(subdomainName(hostname), hostname, `${path}.hostname`)
    if (isIP(hostname) !== 0) yield invalidValue(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address')
  }
}

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const [PATH_PARTS, PATH_ENDS] = [
  ['//', '/./', '/../', '%2f', '%2F'],
  ['/..', '/.'],
]

function* validatePath({ path = '', pathType, backend }: HTTPIngressPath, field: string): Findings {
  if (!pathType) {
    yield required(`${field}.pathType`, 'pathType must be specified')
    return
  }
  if (!PATH_TYPES.includes(pathType)) yield unsupported(`${field}.pathType`, pathType, PATH_TYPES)
  else if (pathType !== 'ImplementationSpecific') {
    if (!path.startsWith('/')) yield invalidValue(`${field}.path`, path, 'must be an absolute path')
    for (const bad of PATH_PARTS) if (path.includes(bad)) yield invalidValue(`${field}.path`, path, `must not contain '${bad}'`)
    for (const bad of PATH_ENDS) if (path.endsWith(bad)) yield invalidValue(`${field}.path`, path, `cannot end with '${bad}'`)
  } else if (path !== '' && !path.startsWith('/')) yield invalidValue(`${field}.path`, path, 'must be an absolute path')
  yield* validateBackend(backend ?? {}, `${field}.backend`)
}

function* validateBackend({ service, resource }: IngressBackend, field: string): Findings {
  if (resource !== undefined && service !== undefined) {
    yield invalidValue(field, '', 'cannot set both resource and service backends')
    return
  }
  if (resource !== undefined) yield* localReference(resource, `${field}.resource`)
  if (service === undefined) {
    if (resource === undefined) yield invalidValue(field, '', 'resource or service backend is required')
    return
  }
  if (!service.name) yield required(`${field}.service.name`)
  else yield* complaints(dns1035Label(service.name), service.name, `${field}.service.name`)
  const { name, number } = service.port ?? {}
  if (name && number) yield invalidValue(field, '', 'cannot set both port name & port number')
  else if (name) yield* complaints(portName(name), name, `${field}.service.port.name`)
  else if (number) yield* port(number, `${field}.service.port.number`)
  else yield required(field, 'port name or number is required')
}

/** A reference to an object whose kind is anyone's. */
export function* localReference({ apiGroup, kind, name }: TypedLocalObjectReference, field: string): Findings {
  if (apiGroup !== undefined) yield* complaints(subdomainName(apiGroup), apiGroup, `${field}.apiGroup`)
  for (const [key, value] of Object.entries({ kind, name })) {
    if (!value) yield required(`${field}.${key}`, `${key} is required`)
    else yield* complaints(pathSegmentName(value), value, `${field}.${key}`)
  }
}

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

/** Of a new one: whoever changes an old one has heard it. */
export function* ingressWarnings({ metadata, spec }: Ingress, old: Ingress | undefined): Iterable<string> {
  const isAnnotated = metadata?.annotations?.[CLASS_ANNOTATION] !== undefined
  if (old === undefined && isAnnotated && spec?.ingressClassName === undefined) {
    yield `annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`
  }
}
