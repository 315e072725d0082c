import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../generated/types.ts'
import { dnsLabelField } from '../validation/common.ts'
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

export const environmentField = (ref: ObjectFieldSelector, field: string): Findings => fieldRef(ref, ENVIRONMENT_FIELDS, field)

export const volumeField = (ref: ObjectFieldSelector, field: string): Findings => fieldRef(ref, VOLUME_FIELDS, field)

function* fieldRef({ apiVersion, fieldPath }: ObjectFieldSelector, supported: readonly string[], field: string): Findings {
  if (!apiVersion) yield required(`${field}.apiVersion`)
  else if (!fieldPath) yield required(`${field}.fieldPath`)
  else {
    const problem = unconvertible(apiVersion, fieldPath)
    const subscript = SUBSCRIPT.exec(fieldPath)
    if (problem !== undefined) yield invalidValue(`${field}.fieldPath`, fieldPath, `error converting fieldPath: ${problem}`)
    else if (subscript !== null) {
      const key = subscript[1] === 'metadata.annotations' ? subscript[2]!.toLowerCase() : subscript[2]!
      yield* complaints(qualifiedName(key), key, field)
    } else if (!supported.includes(fieldPath)) yield unsupported(`${field}.fieldPath`, fieldPath, supported)
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
export function* resourceField(
  { containerName, resource = '', divisor = '0' }: ResourceFieldSelector,
  inFile: boolean,
  field: string,
): Findings {
  if (inFile && !containerName) yield required(`${field}.containerName`)
  else if (resource === '') yield required(`${field}.resource`)
  else if (!RESOURCES.includes(resource) && !HUGE_PAGES.test(resource))
    yield unsupported(`${field}.resource`, resource, RESOURCES)
  if (divisor === '0') return
  const of = HUGE_PAGES.test(resource) ? 'hugepages' : resource.slice(resource.indexOf('.') + 1)
  const name = { cpu: 'cpu', memory: 'memory', 'ephemeral-storage': 'local ephemeral storage', hugepages: 'hugepages' }[of]
  const supported = of === 'cpu' ? ['1m', '1'] : SIZES
  if (name === undefined || supported.includes(divisor)) return
  const list = of === 'cpu' ? '1m and 1' : supported.join(', ')
  yield invalidValue(`${field}.divisor`, resource, `only divisor's values ${list} are supported with the ${name} resource`)
}

export function* validateEnvironment(variables: readonly EnvVar[] | undefined, field: string): Findings {
  for (const [index, { name, value, valueFrom }] of (variables ?? []).entries()) {
    const path = `${field}[${index}]`
    if (!name) yield required(`${path}.name`)
    else yield* complaints(environmentName(name), name, `${path}.name`)
    if (valueFrom !== undefined) yield* validateSource(valueFrom, value, `${path}.valueFrom`)
  }
}

function* validateSource(source: EnvVarSource, value: string | undefined, field: string): Findings {
  const used = Object.values(source).filter((each) => each !== undefined).length
  if (source.fieldRef) yield* environmentField(source.fieldRef, `${field}.fieldRef`)
  if (source.resourceFieldRef) yield* resourceField(source.resourceFieldRef, false, `${field}.resourceFieldRef`)
  for (const type of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = source[type]
    if (ref === undefined) continue
    yield* complaints(subdomainName(ref.name ?? ''), ref.name ?? '', `${field}.${type}.name`)
    if (!ref.key) yield required(`${field}.${type}.key`)
    else yield* complaints(configKey(ref.key), ref.key, `${field}.${type}.key`)
  }
  if (source.fileKeyRef) yield* fileKey(source.fileKeyRef, `${field}.fileKeyRef`)
  if (used === 0) {
    yield invalidValue(
      field,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    )
  } else if (value) yield invalidValue(field, '', 'may not be specified when `value` is not empty')
  else if (used > 1) yield invalidValue(field, '', 'may not have more than one field specified at a time')
}

function* fileKey({ key, volumeName, path }: FileKeySelector, field: string): Findings {
  if (!key) yield required(`${field}.key`)
  else yield* complaints(environmentName(key), key, `${field}.key`)
  yield* dnsLabelField(volumeName, `${field}.volumeName`)
  if (!path) yield required(`${field}.path`)
  else if (path.split('/').includes('..')) yield invalidValue(`${field}.path`, path, "must not contain '..'")
}

/** What is wrong with the sources together is told of the list, as upstream does. */
export function* validateEnvironmentFrom(sources: readonly EnvFromSource[] | undefined, field: string): Findings {
  for (const [index, source] of (sources ?? []).entries()) {
    const path = `${field}[${index}]`
    if (source.prefix) yield* complaints(environmentName(source.prefix), source.prefix, `${path}.prefix`)
    for (const type of ['configMapRef', 'secretRef'] as const) {
      const name = source[type]?.name
      if (source[type] === undefined) continue
      if (!name) yield required(`${path}.${type}.name`)
      else yield* complaints(subdomainName(name, true), name, `${path}.${type}.name`)
    }
    const { configMapRef, secretRef } = source
    if (configMapRef === undefined && secretRef === undefined)
      yield invalidValue(field, '', 'must specify one of: `configMapRef` or `secretRef`')
    else if (configMapRef && secretRef) yield invalidValue(field, '', 'may not have more than one field specified at a time')
  }
}
