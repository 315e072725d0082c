import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../generated/types.ts'
import { countSet, dnsLabelField } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, required, unsupported } from '../validation/findings.ts'
import { configKey, environmentName, qualifiedName, subdomainName } from '../validation/names.ts'

const ENVIRONMENT_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]
const VOLUME_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid']
const SUBSCRIPT = /^([^['\]]+)\['(.*)'\]$/
const SUBSCRIPTED = new Set(['metadata.annotations', 'metadata.labels'])
/** Fields that a pod has for selectors; upstream's `spec.host` is long gone. */
const POD_FIELDS = new Set([...ENVIRONMENT_FIELDS, ...VOLUME_FIELDS, 'spec.restartPolicy', 'spec.schedulerName', 'status.phase'])

export const environmentField = (ref: ObjectFieldSelector, field: string, found: Findings): void =>
  fieldRef(ref, ENVIRONMENT_FIELDS, field, found)

export const volumeField = (ref: ObjectFieldSelector, field: string, found: Findings): void =>
  fieldRef(ref, VOLUME_FIELDS, field, found)

function fieldRef(
  { apiVersion, fieldPath }: ObjectFieldSelector,
  supported: readonly string[],
  field: string,
  found: Findings,
): void {
  if (apiVersion === 'v1' && supported.includes(fieldPath)) return
  if (!apiVersion) found.push(required(`${field}.apiVersion`))
  else if (!fieldPath) found.push(required(`${field}.fieldPath`))
  else {
    const problem = unconvertible(apiVersion, fieldPath)
    const subscript = SUBSCRIPT.exec(fieldPath)
    if (problem !== undefined) found.push(invalidValue(`${field}.fieldPath`, fieldPath, `error converting fieldPath: ${problem}`))
    else if (subscript !== null) {
      const key = subscript[1] === 'metadata.annotations' ? subscript[2]!.toLowerCase() : subscript[2]!
      complaints(qualifiedName(key), key, field, found)
    } else if (!supported.includes(fieldPath)) found.push(unsupported(`${field}.fieldPath`, fieldPath, supported))
  }
}

/** Why a pod has no such field; undefined when it has, whether or not it may be asked for here. */
function unconvertible(apiVersion: string, fieldPath: string): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`
  const subscript = SUBSCRIPT.exec(fieldPath)
  if (subscript !== null)
    return SUBSCRIPTED.has(subscript[1]!) ? undefined : `field label does not support subscript: ${fieldPath}`
  return POD_FIELDS.has(fieldPath) ? undefined : `field label not supported: ${fieldPath}`
}

const RESOURCES = [
  ...['limits.cpu', 'limits.ephemeral-storage', 'limits.memory'],
  ...['requests.cpu', 'requests.ephemeral-storage', 'requests.memory'],
]
const HUGE_PAGES = /^(requests|limits)\.hugepages-/
const SIZES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei']

/** What a container may be told of its own resources, or a file (`inFile`) of any container's. */
export function resourceField(
  { containerName, resource = '', divisor = '0' }: ResourceFieldSelector,
  inFile: boolean,
  field: string,
  found: Findings,
): void {
  if (inFile && !containerName) found.push(required(`${field}.containerName`))
  else if (resource === '') found.push(required(`${field}.resource`))
  else if (!RESOURCES.includes(resource) && !HUGE_PAGES.test(resource))
    found.push(unsupported(`${field}.resource`, resource, RESOURCES))
  if (divisor === '0') return
  const of = HUGE_PAGES.test(resource) ? 'hugepages' : resource.slice(resource.indexOf('.') + 1)
  const name = { cpu: 'cpu', memory: 'memory', 'ephemeral-storage': 'local ephemeral storage', hugepages: 'hugepages' }[of]
  const supported = of === 'cpu' ? ['1m', '1'] : SIZES
  if (name === undefined || supported.includes(divisor)) return
  const list = of === 'cpu' ? '1m and 1' : supported.join(', ')
  found.push(invalidValue(`${field}.divisor`, resource, `only divisor's values ${list} are supported with the ${name} resource`))
}

export function validateEnvironment(variables: readonly EnvVar[] | undefined, field: string, found: Findings): void {
  for (const [index, { name, value, valueFrom }] of (variables ?? []).entries()) {
    const path = `${field}[${index}]`
    if (!name) found.push(required(`${path}.name`))
    else complaints(environmentName(name), name, `${path}.name`, found)
    if (valueFrom !== undefined) validateSource(valueFrom, value, `${path}.valueFrom`, found)
  }
}

function validateSource(source: EnvVarSource, value: string | undefined, field: string, found: Findings): void {
  const used = countSet(source)
  if (source.fieldRef) environmentField(source.fieldRef, `${field}.fieldRef`, found)
  if (source.resourceFieldRef) resourceField(source.resourceFieldRef, false, `${field}.resourceFieldRef`, found)
  for (const type of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = source[type]
    if (ref === undefined) continue
    complaints(subdomainName(ref.name ?? ''), ref.name ?? '', `${field}.${type}.name`, found)
    if (!ref.key) found.push(required(`${field}.${type}.key`))
    else complaints(configKey(ref.key), ref.key, `${field}.${type}.key`, found)
  }
  if (source.fileKeyRef) fileKey(source.fileKeyRef, `${field}.fileKeyRef`, found)
  if (used === 0) {
    found.push(
      invalidValue(
        field,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    )
  } else if (value) found.push(invalidValue(field, '', 'may not be specified when `value` is not empty'))
  else if (used > 1) found.push(invalidValue(field, '', 'may not have more than one field specified at a time'))
}

function fileKey({ key, volumeName, path }: FileKeySelector, field: string, found: Findings): void {
  if (!key) found.push(required(`${field}.key`))
  else complaints(environmentName(key), key, `${field}.key`, found)
  dnsLabelField(volumeName, `${field}.volumeName`, found)
  if (!path) found.push(required(`${field}.path`))
  else if (path.split('/').includes('..')) found.push(invalidValue(`${field}.path`, path, "must not contain '..'"))
}

/** What is wrong with the sources together is told of the list, as upstream does. */
export function validateEnvironmentFrom(sources: readonly EnvFromSource[] | undefined, field: string, found: Findings): void {
  for (const [index, source] of (sources ?? []).entries()) {
    const path = `${field}[${index}]`
    if (source.prefix) complaints(environmentName(source.prefix), source.prefix, `${path}.prefix`, found)
    for (const type of ['configMapRef', 'secretRef'] as const) {
      const name = source[type]?.name
      if (source[type] === undefined) continue
      if (!name) found.push(required(`${path}.${type}.name`))
      else complaints(subdomainName(name, true), name, `${path}.${type}.name`, found)
    }
    const { configMapRef, secretRef } = source
    if (configMapRef === undefined && secretRef === undefined)
      found.push(invalidValue(field, '', 'must specify one of: `configMapRef` or `secretRef`'))
    else if (configMapRef && secretRef)
      found.push(invalidValue(field, '', 'may not have more than one field specified at a time'))
  }
}
