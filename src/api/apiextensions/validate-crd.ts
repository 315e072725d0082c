import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
} from '../generated/types.ts'
import { complaints, type Findings, IMMUTABLE, invalidValue, oneOf, required, unsupported } from '../validation/findings.ts'
import { dns1035Label, subdomainName } from '../validation/names.ts'

const APPROVED = 'api-approved.kubernetes.io'

export function* validateCRD({ metadata, spec }: CustomResourceDefinition): Findings {
  const { group = '', names = {} as CustomResourceDefinitionNames, versions = [], scope, conversion } = spec ?? {}
  const expected = `${names.plural ?? ''}.${group}`
  if (metadata?.name !== expected)
    yield invalidValue('metadata.name', metadata?.name ?? '', 'must be spec.names.plural+"."+spec.group')
  if (group === '') yield required('spec.group')
  else {
    yield* complaints(subdomainName(group), group, 'spec.group')
    if (!group.includes('.')) yield invalidValue('spec.group', group, 'should be a domain with at least one dot')
    if (/(^|\.)(k8s|kubernetes)\.io$/.test(group) && !metadata?.annotations?.[APPROVED]) {
      yield required(
        'metadata.annotations[api-approved.kubernetes.io]',
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      )
    }
  }
  yield* oneOf(scope, ['Cluster', 'Namespaced'], 'spec.scope')
  yield* validateVersions(versions)
  yield* validateNames(names, 'spec.names')
  if (conversion !== undefined && !['None', 'Webhook'].includes(conversion.strategy)) {
    yield unsupported('spec.conversion.strategy', conversion.strategy, ['None', 'Webhook'])
  }
  if (conversion?.strategy === 'Webhook') {
    if (conversion.webhook?.clientConfig === undefined) {
      yield required('spec.conversion.webhookClientConfig', 'required when strategy is set to Webhook')
    }
    if (!conversion.webhook?.conversionReviewVersions?.length) yield required('spec.conversion.conversionReviewVersions')
  }
}

function* validateVersions(versions: readonly CustomResourceDefinitionVersion[]): Findings {
  const names = new Set<string>()
  for (const [index, { name, schema }] of versions.entries()) {
    const path = `spec.versions[${index}]`
    yield* complaints(dns1035Label(name ?? ''), name ?? '', `${path}.name`)
    if (names.has(name)) yield invalidValue(`${path}.name`, name, 'must be unique')
    names.add(name)
    if (schema?.openAPIV3Schema === undefined) yield required(`${path}.schema.openAPIV3Schema`, 'schemas are required')
    else if (schema.openAPIV3Schema.type !== 'object') {
      yield invalidValue(`${path}.schema.openAPIV3Schema.type`, schema.openAPIV3Schema.type ?? '', 'must be object at the root')
    }
  }
  if (versions.length === 0) yield required('spec.versions', 'must have at least one version')
  if (versions.filter(({ storage }) => storage).length !== 1) {
    const shown = versions.map(({ name, served, storage }) => ({ name, served, storage }))
    yield invalidValue('spec.versions', shown, 'must have exactly one version marked as storage version')
  }
}

function* validateNames(names: CustomResourceDefinitionNames, field: string): Findings {
  for (const key of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const value = names[key]
    if (!value) yield required(`${field}.${key}`)
    else yield* complaints(dns1035Label(value.toLowerCase()), value, `${field}.${key}`)
  }
  for (const [index, name] of (names.shortNames ?? []).entries()) {
    yield* complaints(dns1035Label(name), name, `${field}.shortNames[${index}]`)
  }
  for (const [index, name] of (names.categories ?? []).entries()) {
    yield* complaints(dns1035Label(name), name, `${field}.categories[${index}]`)
  }
  if (names.kind && names.kind === names.listKind) {
    yield invalidValue(`${field}.listKind`, names.listKind, 'kind and listKind may not be the same')
  }
}

/** Once established, what objects are stored under can't move. */
export function* validateCRDUpdate(
  { spec }: CustomResourceDefinition,
  { spec: old, status }: CustomResourceDefinition,
): Findings {
  if (spec.group !== old.group) yield invalidValue('spec.group', spec.group, IMMUTABLE)
  if (spec.names?.plural !== old.names?.plural) yield invalidValue('spec.names.plural', spec.names?.plural ?? '', IMMUTABLE)
  const established = status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True')
  if (!established) return
  if (spec.scope !== old.scope) yield invalidValue('spec.scope', spec.scope, IMMUTABLE)
  if (spec.names?.kind !== old.names?.kind) yield invalidValue('spec.names.kind', spec.names?.kind ?? '', IMMUTABLE)
  for (const version of status?.storedVersions ?? []) {
    if (!spec.versions?.some(({ name }) => name === version)) {
      yield invalidValue(
        'status.storedVersions[0]',
        version,
        `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`,
      )
    }
  }
}
