import type { CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec } from '../generated/types.ts'
import { complaints, type Findings, IMMUTABLE, invalidValue, oneOf, required } from '../validation/findings.ts'
import { dns1035Label, type NameRule, subdomainName } from '../validation/names.ts'
import { API_APPROVED, approvalOf, isProtectedGroup } from './approval.ts'
import { type Demands, demandsOf, hasDefaults } from './demands.ts'
import { validateConversion } from './validate-conversion.ts'
import { Versions } from './validate-versions.ts'

/** Everything wrong with a new definition, by upstream's rules for apiextensions.k8s.io/v1. */
export function validateCRD(crd: CustomResourceDefinition, found: Findings): void {
  validateName(crd, found)
  validateSpec(crd.spec ?? ({} as CustomResourceDefinitionSpec), undefined, found)
  validateNames(crd.status?.acceptedNames, 'status.acceptedNames', found)
  // The server has written its own by the time that it asks.
  if (crd.status !== undefined) validateStoredVersions(crd, found)
  validateApproval(crd, undefined, found)
  validatePreservation(crd, found)
}

/** What was established can't move, and what was approved or tightened must not slip back. */
export function validateCRDUpdate(crd: CustomResourceDefinition, old: CustomResourceDefinition, found: Findings): void {
  const { spec, status } = crd
  validateSpec(spec, old, found)
  const immutable = (field: string, is: string | undefined, was: string | undefined): void => {
    if (is !== was) found.push(invalidValue(field, is ?? '', IMMUTABLE))
  }
  if (isEstablished(old)) {
    immutable('spec.scope', spec.scope, old.spec.scope)
    immutable('spec.names.kind', spec.names?.kind, old.spec.names?.kind)
  }
  immutable('spec.group', spec.group, old.spec.group)
  immutable('spec.names.plural', spec.names?.plural, old.spec.names?.plural)
  validateNames(status?.acceptedNames, 'status.acceptedNames', found)
  validateStoredVersions(crd, found)
  validateApproval(crd, old, found)
  if (!old.spec.preserveUnknownFields) validatePreservation(crd, found)
}

export function validateCRDStatus({ status }: CustomResourceDefinition, found: Findings): void {
  validateNames(status?.acceptedNames, 'status.acceptedNames', found)
}

const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') === true

function validateName({ metadata, spec }: CustomResourceDefinition, found: Findings): void {
  // A name that is missing is an error of its own.
  if (metadata?.name && metadata.name !== `${spec?.names?.plural ?? ''}.${spec?.group ?? ''}`)
    found.push(invalidValue('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'))
}

function validateSpec(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinition | undefined, found: Findings): void {
  const { group = '', names = {} as CustomResourceDefinitionNames, scope, conversion, preserveUnknownFields } = spec
  const demands = demandsOf(spec, old)
  if (group === '') found.push(required('spec.group'))
  else {
    const problems = [...subdomainName(group)]
    if (problems.length > 0) found.push(invalidValue('spec.group', group, problems.join(',')))
    else if (!group.includes('.')) found.push(invalidValue('spec.group', group, 'should be a domain with at least one dot'))
  }
  oneOf(scope, ['Cluster', 'Namespaced'], 'spec.scope', found)
  validateSchemasAreThere(spec, demands, found)
  if (preserveUnknownFields && hasDefaults(spec))
    found.push(invalidValue('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'))
  const versions = new Versions(spec, old, demands)
  versions.own(found)
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!names[field]) found.push(required(`spec.names.${field}`))
  validateNames(names, 'spec.names', found)
  versions.shared(found)
  if (conversion !== undefined && conversion.strategy !== 'None' && preserveUnknownFields)
    found.push(
      invalidValue('spec.conversion.strategy', conversion.strategy ?? '', 'must be None if spec.preserveUnknownFields is true'),
    )
  validateConversion(conversion, old?.spec.conversion, old !== undefined && isEstablished(old), found)
}

function validateSchemasAreThere(spec: CustomResourceDefinitionSpec, demands: Demands, found: Findings): void {
  for (const [index, { schema, served }] of (spec.versions ?? []).entries()) {
    if (schema?.openAPIV3Schema !== undefined) continue
    const path = `spec.versions[${index}].schema.openAPIV3Schema`
    if (demands.schemas) found.push(required(path))
    else if (served && !spec.preserveUnknownFields) found.push(required(path, 'because otherwise all fields are pruned'))
  }
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
    found.push(invalidValue(path, status?.storedVersions ?? null, 'must have at least one stored version'))
    return
  }
  // Each version is looked for once: of two with one name the second is missing.
  const sought = new Set(stored)
  for (const { name, storage } of versions)
    if (!sought.delete(name) && storage) found.push(invalidValue(path, stored, `must have the storage version ${name}`))
  for (const name of sought) {
    found.push(
      invalidValue(
        `${path}[${stored.lastIndexOf(name)}]`,
        name,
        `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
      ),
    )
  }
}

/** What an old definition says of its approval it may go on saying. */
function validateApproval(
  { metadata, spec }: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  found: Findings,
): void {
  if (!isProtectedGroup(spec?.group ?? '')) return
  const { state, value, reason } = approvalOf(metadata)
  if (old !== undefined && approvalOf(old.metadata).state === state) return
  const path = `metadata.annotations[${API_APPROVED}]`
  if (state === 'Missing') found.push(required(path, reason))
  if (state === 'Invalid') found.push(invalidValue(path, value, reason))
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
