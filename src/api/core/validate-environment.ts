import type { EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector } from '../generated/types.ts'
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
const SUBSCRIPT = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/

export const environmentField = (ref: ObjectFieldSelector, field: string): Findings => fieldRef(ref, ENVIRONMENT_FIELDS, field)

export const volumeField = (ref: ObjectFieldSelector, field: string): Findings => fieldRef(ref, VOLUME_FIELDS, field)

function* fieldRef({ apiVersion, fieldPath }: ObjectFieldSelector, supported: readonly string[], field: string): Findings {
  if (!apiVersion) yield required(`${field}.apiVersion`)
  else if (!fieldPath) yield required(`${field}.fieldPath`)
  else {
    const subscript = SUBSCRIPT.exec(fieldPath)
    if (subscript !== null) {
      const key = subscript[1] === 'metadata.annotations' ? subscript[2]!.toLowerCase() : subscript[2]!
      yield* complaints(qualifiedName(key), subscript[2], `${field}.fieldPath`)
    } else if (!supported.includes(fieldPath)) yield unsupported(`${field}.fieldPath`, fieldPath, supported)
  }
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
  if (source.resourceFieldRef && !source.resourceFieldRef.resource) yield required(`${field}.resourceFieldRef.resource`)
  for (const type of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const ref = source[type]
    if (ref === undefined) continue
    yield* complaints(subdomainName(ref.name ?? ''), ref.name ?? '', `${field}.${type}.name`)
    if (!ref.key) yield required(`${field}.${type}.key`)
    else yield* complaints(configKey(ref.key), ref.key, `${field}.${type}.key`)
  }
  if (used === 0) {
    yield invalidValue(
      field,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    )
  } else if (value) yield invalidValue(field, '', 'may not be specified when `value` is not empty')
  else if (used > 1) yield invalidValue(field, '', 'may not have more than one field specified at a time')
}

export function* validateEnvironmentFrom(sources: readonly EnvFromSource[] | undefined, field: string): Findings {
  for (const [index, { prefix, configMapRef, secretRef }] of (sources ?? []).entries()) {
    const path = `${field}[${index}]`
    if (prefix) yield* complaints(environmentName(prefix), prefix, `${path}.prefix`)
    if (configMapRef)
      yield* complaints(subdomainName(configMapRef.name ?? ''), configMapRef.name ?? '', `${path}.configMapRef.name`)
    if (secretRef) yield* complaints(subdomainName(secretRef.name ?? ''), secretRef.name ?? '', `${path}.secretRef.name`)
    if (configMapRef === undefined && secretRef === undefined) {
      yield invalidValue(path, '', 'must specify one of: `configMapRef` or `secretRef`')
    } else if (configMapRef && secretRef) yield invalidValue(path, '', 'may not have more than one field specified at a time')
  }
}
