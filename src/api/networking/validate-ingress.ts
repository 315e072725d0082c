import { isIP } from 'node:net'
import type { HTTPIngressPath, Ingress, IngressBackend } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, port, required, unsupported } from '../validation/findings.ts'
import { dns1035Label, portName, subdomainName } from '../validation/names.ts'

export function* validateIngress({ spec = {} }: Ingress): Findings {
  if (!spec.rules?.length && spec.defaultBackend === undefined) {
    yield invalidValue('spec', spec, 'either `defaultBackend` or `rules` must be specified')
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
    for (const [at, host] of hosts.entries()) yield* validateHost(host, `spec.tls[${index}].hosts[${at}]`)
    if (secretName) yield* complaints(subdomainName(secretName), secretName, `spec.tls[${index}].secretName`)
  }
  if (spec.ingressClassName !== undefined) {
    yield* complaints(subdomainName(spec.ingressClassName), spec.ingressClassName, 'spec.ingressClassName')
  }
}

function* validateHost(host: string, field: string): Findings {
  if (isIP(host) !== 0) yield invalidValue(field, host, 'must be a DNS name, not an IP address')
  else if (host.startsWith('*.')) yield* complaints(subdomainName(host.slice(2)), host, field)
  else if (host.includes('*')) {
    yield invalidValue(
      field,
      host,
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    )
  } else yield* complaints(subdomainName(host), host, field)
}

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']

function* validatePath({ path = '', pathType, backend }: HTTPIngressPath, field: string): Findings {
  if (!pathType) yield required(`${field}.pathType`, 'pathType must be specified')
  else if (!PATH_TYPES.includes(pathType)) yield unsupported(`${field}.pathType`, pathType, PATH_TYPES)
  else if (pathType !== 'ImplementationSpecific') {
    if (!path.startsWith('/')) yield invalidValue(`${field}.path`, path, 'must be an absolute path')
    for (const bad of ['//', '/./', '/../', '%2f', '%2F']) {
      if (path.includes(bad)) yield invalidValue(`${field}.path`, path, `must not contain '${bad}'`)
    }
  } else if (path !== '' && !path.startsWith('/')) yield invalidValue(`${field}.path`, path, 'must be an absolute path')
  yield* validateBackend(backend ?? {}, `${field}.backend`)
}

function* validateBackend({ service, resource }: IngressBackend, field: string): Findings {
  if (resource !== undefined) {
    if (service !== undefined) yield invalidValue(field, '', 'cannot set both resource and service backends')
    return
  }
  if (service === undefined) {
    yield required(field, 'one of service or resource is required')
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

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'

export function* ingressWarnings({ metadata }: Ingress): Iterable<string> {
  if (metadata?.annotations?.[CLASS_ANNOTATION] !== undefined) {
    yield `annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`
  }
}
