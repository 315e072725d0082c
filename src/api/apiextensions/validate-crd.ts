import { deepEqual } from '#base'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionStatus,
  CustomResourceDefinitionVersion,
} from '../generated/types.ts'
import { complaints, type Findings, IMMUTABLE, invalidValue, oneOf, required } from '../validation/findings.ts'
import { dns1035Label, type NameRule, subdomainName } from '../validation/names.ts'
import { structuralOf } from './schema/structural.ts'
import { validateConversion } from './validate-conversion.ts'
import { validateSchema } from './validate-schema.ts'
import { validateColumn, validateDeprecation, validateSelectableFields, validateSubresources } from './validate-version.ts'

const APPROVED = 'api-approved.kubernetes.io'

/** Everything wrong with a new definition, by upstream's rules for apiextensions.k8s.io/v1. */
export function* validateCRD(crd: CustomResourceDefinition): Findings {
  yield* validateName(crd)
  yield* validateSpec(crd.spec ?? ({} as CustomResourceDefinitionSpec))
  yield* validateNames(crd.status?.acceptedNames, 'status.acceptedNames')
  // The server has written its own by the time that it asks.
  if (crd.status !== undefined) yield* validateStoredVersions(crd)
  yield* validateApproval(crd)
  yield* validatePreservation(crd)
}

/** What was established can't move, and what was approved or tightened must not slip back. */
export function* validateCRDUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition): Findings {
  const { spec, status } = crd
  const isEstablished = isTrue(old.status, 'Established')
  yield* validateSpec(spec, old, isEstablished)
  const immutable = (field: string, is: string | undefined, was: string | undefined): Findings =>
    is === was ? [] : [invalidValue(field, is ?? '', IMMUTABLE)]
  if (isEstablished) {
    yield* immutable('spec.scope', spec.scope, old.spec.scope)
    yield* immutable('spec.names.kind', spec.names?.kind, old.spec.names?.kind)
  }
  yield* immutable('spec.group', spec.group, old.spec.group)
  yield* immutable('spec.names.plural', spec.names?.plural, old.spec.names?.plural)
  yield* validateNames(status?.acceptedNames, 'status.acceptedNames')
  yield* validateStoredVersions(crd)
  if (!isEmpty(validateApproval(crd)) && isEmpty(validateApproval(old))) yield* validateApproval(crd)
  if (!old.spec.preserveUnknownFields) yield* validatePreservation(crd)
}

export function* validateCRDStatusUpdate({ status }: CustomResourceDefinition): Findings {
  yield* validateNames(status?.acceptedNames, 'status.acceptedNames')
}

const isEmpty = (findings: Findings): boolean => [...findings].length === 0

const isTrue = (status: CustomResourceDefinitionStatus | undefined, condition: string): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === condition && value === 'True') === true

function* validateName({ metadata, spec }: CustomResourceDefinition): Findings {
  if (metadata?.name !== `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`)
    yield invalidValue('metadata.name', metadata?.name ?? '', 'must be spec.names.plural+"."+spec.group')
}

function* validateSpec(spec: CustomResourceDefinitionSpec, old?: CustomResourceDefinition, isEstablished = false): Findings {
  const { group = '', names = {} as CustomResourceDefinitionNames, versions = [], scope, conversion } = spec
  if (group === '') yield required('spec.group')
  else {
    const problems = [...subdomainName(group)]
    if (problems.length > 0) yield invalidValue('spec.group', group, problems.join(','))
    else if (!group.includes('.')) yield invalidValue('spec.group', group, 'should be a domain with at least one dot')
  }
  yield* oneOf(scope, ['Cluster', 'Namespaced'], 'spec.scope')
  for (const [index, { schema }] of versions.entries()) {
    if (schema?.openAPIV3Schema === undefined)
      yield required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required')
  }
  yield* validateVersions(versions, old)
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!names[field]) yield required(`spec.names.${field}`)
  yield* validateNames(names, 'spec.names')
  if (conversion?.strategy && conversion.strategy !== 'None' && spec.preserveUnknownFields)
    yield invalidValue('spec.conversion.strategy', conversion.strategy, 'must be None if spec.preserveUnknownFields is true')
  yield* validateConversion(conversion, old?.spec.conversion, isEstablished)
}

/** What all versions have in common is reported once, where older API versions kept it. */
function* validateVersions(
  versions: readonly CustomResourceDefinitionVersion[],
  old: CustomResourceDefinition | undefined,
): Findings {
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`
    const problems = [...dns1035Label(version.name ?? '')]
    if (problems.length > 0) yield invalidValue(`${path}.name`, version.name ?? '', problems.join(','))
    yield* validateDeprecation(version, path)
  }
  const places = placesOf(versions)
  for (const [index, version] of versions.entries()) {
    const before = old?.spec.versions?.find(({ name }) => name === version.name)
    const schema = version.schema?.openAPIV3Schema
    const has = (field: keyof CustomResourceDefinitionVersion): string | undefined => places[field](index)
    const schemaPath = has('schema')
    if (schema !== undefined && schemaPath !== undefined) {
      const isUnchanged = before !== undefined && deepEqual(before.schema, version.schema)
      const hasStatus = version.subresources?.status !== undefined
      yield* validateSchema(structuralOf(schema), `${schemaPath}.openAPIV3Schema`, { hasStatus, isUnchanged })
    }
    const subresourcesPath = has('subresources')
    if (subresourcesPath !== undefined) yield* validateSubresources(version.subresources, subresourcesPath)
    const columnsPath = has('additionalPrinterColumns')
    if (columnsPath !== undefined)
      for (const [at, column] of (version.additionalPrinterColumns ?? []).entries())
        yield* validateColumn(column, `${columnsPath}[${at}]`)
    const fieldsPath = has('selectableFields')
    if (fieldsPath !== undefined)
      yield* validateSelectableFields(version.selectableFields, schema && structuralOf(schema), fieldsPath)
  }
  const shown = versions.map(({ name, served, storage }) => ({ name, served, storage }))
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    yield invalidValue('spec.versions', shown, 'must contain unique version names')
  if (versions.filter(({ storage }) => storage).length !== 1)
    yield invalidValue('spec.versions', shown, 'must have exactly one version marked as storage version')
}

const SHARED = {
  schema: ['spec.validation', 'schema'],
  subresources: ['spec.subresources', 'subresources'],
  additionalPrinterColumns: ['spec.additionalPrinterColumns', 'additionalPrinterColumns'],
  selectableFields: ['spec.selectableFields', 'selectableFields'],
} as const

type Places = Readonly<Record<keyof CustomResourceDefinitionVersion, (index: number) => string | undefined>>

/** Where each part of a version is reported; undefined where an earlier version did it for all. */
function placesOf(versions: readonly CustomResourceDefinitionVersion[]): Places {
  const entries = Object.entries(SHARED).map(([field, [shared, own]]) => {
    const key = field as keyof typeof SHARED
    const isShared = versions.every((version) => deepEqual(version[key], versions[0]?.[key]))
    const place = (index: number): string | undefined =>
      isShared ? (index === 0 ? shared : undefined) : `spec.versions[${index}].${own}`
    return [field, place]
  })
  return Object.fromEntries(entries) as Places
}

const anyCase: NameRule = function* (name) {
  const problems = [...dns1035Label(name.toLowerCase())]
  if (problems.length > 0) yield `may have mixed case, but should otherwise match: ${problems.join(',')}`
}

const lowerCase: NameRule = function* (name) {
  const problems = [...dns1035Label(name)]
  if (problems.length > 0) yield problems.join(',')
}

const NAME_RULES = { plural: lowerCase, singular: lowerCase, kind: anyCase, listKind: anyCase } as const

function* validateNames(names: Partial<CustomResourceDefinitionNames> | undefined, path: string): Findings {
  if (names === undefined) return
  for (const [field, rule] of Object.entries(NAME_RULES)) {
    const name = names[field as keyof typeof NAME_RULES]
    if (name) yield* complaints(rule(name), name, `${path}.${field}`)
  }
  for (const [index, name] of (names.shortNames ?? []).entries())
    yield* complaints(lowerCase(name), name, `${path}.shortNames[${index}]`)
  if (names.kind && names.kind === names.listKind)
    yield invalidValue(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same')
  for (const [index, name] of (names.categories ?? []).entries())
    yield* complaints(lowerCase(name), name, `${path}.categories[${index}]`)
}

function* validateStoredVersions({ spec, status }: CustomResourceDefinition): Findings {
  const path = 'status.storedVersions'
  const stored = status?.storedVersions ?? []
  const versions = spec?.versions ?? []
  if (stored.length === 0) {
    yield invalidValue(path, stored, 'must have at least one stored version')
    return
  }
  for (const { name, storage } of versions)
    if (storage && !stored.includes(name)) yield invalidValue(path, stored, `must have the storage version ${name}`)
  for (const [index, name] of stored.entries()) {
    if (versions.some((version) => version.name === name)) continue
    yield invalidValue(
      `${path}[${index}]`,
      name,
      `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
    )
  }
}

function* validateApproval({ metadata, spec }: CustomResourceDefinition): Findings {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec?.group ?? '')) return
  const path = `metadata.annotations[${APPROVED}]`
  const value = metadata?.annotations?.[APPROVED] ?? ''
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111'
  if (value === '') yield required(path, `protected groups must have approval annotation "${APPROVED}", ${see}`)
  else if (!value.startsWith('unapproved') && !(URL.canParse(value) && new URL(value).host !== '')) {
    const either = 'with either a URL or a reason starting with "unapproved"'
    yield invalidValue(path, value, `protected groups must have approval annotation "${APPROVED}" ${either}, ${see}`)
  }
}

function* validatePreservation({ spec }: CustomResourceDefinition): Findings {
  if (spec?.preserveUnknownFields) {
    yield invalidValue(
      'spec.preserveUnknownFields',
      true,
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    )
  }
}
