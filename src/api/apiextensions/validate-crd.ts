import { deepEqual } from '#base'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionStatus,
  CustomResourceDefinitionVersion,
} from '../generated/types.ts'
import { complaints, type Findings, foundBy, IMMUTABLE, invalidValue, oneOf, required } from '../validation/findings.ts'
import { dns1035Label, type NameRule, subdomainName } from '../validation/names.ts'
import { structuralOf } from './schema/structural.ts'
import { validateConversion } from './validate-conversion.ts'
import { validateSchema } from './validate-schema.ts'
import { validateColumn, validateDeprecation, validateSelectableFields, validateSubresources } from './validate-version.ts'

const APPROVED = 'api-approved.kubernetes.io'

/** Everything wrong with a new definition, by upstream's rules for apiextensions.k8s.io/v1. */
export function validateCRD(crd: CustomResourceDefinition, found: Findings): void {
  validateOwnName(crd, found)
  validateSpec(crd.spec ?? ({} as CustomResourceDefinitionSpec), undefined, false, found)
  validateNames(crd.status?.acceptedNames, 'status.acceptedNames', found)
  // The server has written its own by the time that it asks.
  if (crd.status !== undefined) validateStoredVersions(crd, found)
  validateApproval(crd, found)
  validatePreservation(crd, found)
}

/** What was established can't move, and what was approved or tightened must not slip back. */
export function validateCRDUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition, found: Findings): void {
  const { spec, status } = crd
  const isEstablished = isTrue(old.status, 'Established')
  validateSpec(spec, old, isEstablished, found)
  if (isEstablished) {
    immutable('spec.scope', spec.scope, old.spec.scope, found)
    immutable('spec.names.kind', spec.names?.kind, old.spec.names?.kind, found)
  }
  immutable('spec.group', spec.group, old.spec.group, found)
  immutable('spec.names.plural', spec.names?.plural, old.spec.names?.plural, found)
  validateNames(status?.acceptedNames, 'status.acceptedNames', found)
  validateStoredVersions(crd, found)
  if (isApproved(old)) validateApproval(crd, found)
  if (!old.spec.preserveUnknownFields) validatePreservation(crd, found)
}

export function validateCRDStatus({ status }: CustomResourceDefinition, found: Findings): void {
  validateNames(status?.acceptedNames, 'status.acceptedNames', found)
}

function immutable(field: string, is: string | undefined, was: string | undefined, found: Findings): void {
  if (is !== was) found.push(invalidValue(field, is ?? '', IMMUTABLE))
}

const isApproved = (crd: CustomResourceDefinition): boolean => foundBy((found) => validateApproval(crd, found)).length === 0

const isTrue = (status: CustomResourceDefinitionStatus | undefined, condition: string): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === condition && value === 'True') === true

function validateOwnName({ metadata, spec }: CustomResourceDefinition, found: Findings): void {
  if (metadata?.name !== `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`)
    found.push(invalidValue('metadata.name', metadata?.name ?? '', 'must be spec.names.plural+"."+spec.group'))
}

function validateSpec(
  spec: CustomResourceDefinitionSpec,
  old: CustomResourceDefinition | undefined,
  isEstablished: boolean,
  found: Findings,
): void {
  const { group = '', names = {} as CustomResourceDefinitionNames, versions = [], scope, conversion } = spec
  if (group === '') found.push(required('spec.group'))
  else {
    const problems = [...subdomainName(group)]
    if (problems.length > 0) found.push(invalidValue('spec.group', group, problems.join(',')))
    else if (!group.includes('.')) found.push(invalidValue('spec.group', group, 'should be a domain with at least one dot'))
  }
  oneOf(scope, ['Cluster', 'Namespaced'], 'spec.scope', found)
  for (const [index, { schema }] of versions.entries()) {
    if (schema?.openAPIV3Schema === undefined)
      found.push(required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required'))
  }
  validateVersions(versions, old, found)
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!names[field]) found.push(required(`spec.names.${field}`))
  validateNames(names, 'spec.names', found)
  if (conversion?.strategy && conversion.strategy !== 'None' && spec.preserveUnknownFields)
    found.push(
      invalidValue('spec.conversion.strategy', conversion.strategy, 'must be None if spec.preserveUnknownFields is true'),
    )
  validateConversion(conversion, old?.spec.conversion, isEstablished, found)
}

/** What all versions have in common is reported once, where older API versions kept it. */
function validateVersions(
  versions: readonly CustomResourceDefinitionVersion[],
  old: CustomResourceDefinition | undefined,
  found: Findings,
): void {
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`
    const problems = [...dns1035Label(version.name ?? '')]
    if (problems.length > 0) found.push(invalidValue(`${path}.name`, version.name ?? '', problems.join(',')))
    validateDeprecation(version, path, found)
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
      validateSchema(structuralOf(schema), `${schemaPath}.openAPIV3Schema`, { hasStatus, isUnchanged }, found)
    }
    const subresourcesPath = has('subresources')
    if (subresourcesPath !== undefined) validateSubresources(version.subresources, subresourcesPath, found)
    const columnsPath = has('additionalPrinterColumns')
    if (columnsPath !== undefined)
      for (const [at, column] of (version.additionalPrinterColumns ?? []).entries())
        validateColumn(column, `${columnsPath}[${at}]`, found)
    const fieldsPath = has('selectableFields')
    if (fieldsPath !== undefined)
      validateSelectableFields(version.selectableFields, schema && structuralOf(schema), fieldsPath, found)
  }
  const shown = versions.map(({ name, served, storage }) => ({ name, served, storage }))
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    found.push(invalidValue('spec.versions', shown, 'must contain unique version names'))
  if (versions.filter(({ storage }) => storage).length !== 1)
    found.push(invalidValue('spec.versions', shown, 'must have exactly one version marked as storage version'))
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

function validateNames(names: Partial<CustomResourceDefinitionNames> | undefined, path: string, found: Findings): void {
  if (names === undefined) return
  for (const [field, rule] of Object.entries(NAME_RULES)) {
    const name = names[field as keyof typeof NAME_RULES]
    if (name) complaints(rule(name), name, `${path}.${field}`, found)
  }
  for (const [index, name] of (names.shortNames ?? []).entries())
    complaints(lowerCase(name), name, `${path}.shortNames[${index}]`, found)
  if (names.kind && names.kind === names.listKind)
    found.push(invalidValue(`${path}.listKind`, names.listKind, 'kind and listKind may not be the same'))
  for (const [index, name] of (names.categories ?? []).entries())
    complaints(lowerCase(name), name, `${path}.categories[${index}]`, found)
}

function validateStoredVersions({ spec, status }: CustomResourceDefinition, found: Findings): void {
  const path = 'status.storedVersions'
  const stored = status?.storedVersions ?? []
  const versions = spec?.versions ?? []
  if (stored.length === 0) {
    found.push(invalidValue(path, stored, 'must have at least one stored version'))
    return
  }
  for (const { name, storage } of versions)
    if (storage && !stored.includes(name)) found.push(invalidValue(path, stored, `must have the storage version ${name}`))
  for (const [index, name] of stored.entries()) {
    if (versions.some((version) => version.name === name)) continue
    found.push(
      invalidValue(
        `${path}[${index}]`,
        name,
        `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
      ),
    )
  }
}

function validateApproval({ metadata, spec }: CustomResourceDefinition, found: Findings): void {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec?.group ?? '')) return
  const path = `metadata.annotations[${APPROVED}]`
  const value = metadata?.annotations?.[APPROVED] ?? ''
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111'
  if (value === '') found.push(required(path, `protected groups must have approval annotation "${APPROVED}", ${see}`))
  else if (!value.startsWith('unapproved') && !(URL.canParse(value) && new URL(value).host !== '')) {
    const either = 'with either a URL or a reason starting with "unapproved"'
    found.push(invalidValue(path, value, `protected groups must have approval annotation "${APPROVED}" ${either}, ${see}`))
  }
}

function validatePreservation({ spec }: CustomResourceDefinition, found: Findings): void {
  if (spec?.preserveUnknownFields) {
    found.push(
      invalidValue(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    )
  }
}
