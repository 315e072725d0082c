import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '#api'
import { withCondition } from '../conditions.ts'
import { aggregate } from './aggregate.ts'
import type { Step } from './types.ts'

const NO_NAMES: CustomResourceDefinitionNames = { plural: '', kind: '' }

/** Accepts the names that no other definition of the group has, and says which are taken. */
export const naming: Step = (crd, { others, now }) => {
  const wanted = crd.spec.names
  const accepted = crd.status?.acceptedNames ?? NO_NAMES
  const taken = takenNames(others)
  const { names, reason, message } = accept(wanted, accepted, taken)
  const isAccepted = reason === undefined
  let status = withCondition(
    { ...crd.status, acceptedNames: names },
    isAccepted
      ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
      : { type: 'NamesAccepted', status: 'False', reason, message: message! },
    now,
  )
  const established = crd.status?.conditions?.find(({ type }) => type === 'Established')
  if (established?.status === 'True') return status
  status = withCondition(
    status,
    isAccepted
      ? { type: 'Established', status: 'False', reason: 'Installing', message: 'the initial names have been accepted' }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
    now,
  )
  return status
}

interface Taken {
  readonly resources: ReadonlySet<string>
  readonly kinds: ReadonlySet<string>
}

function takenNames(others: readonly CustomResourceDefinition[]): Taken {
  const resources = new Set<string>()
  const kinds = new Set<string>()
  for (const { status } of others) {
    const { plural, singular, shortNames = [], kind, listKind } = status?.acceptedNames ?? NO_NAMES
    for (const name of [plural, singular, ...shortNames]) if (name) resources.add(name)
    for (const name of [kind, listKind]) if (name) kinds.add(name)
  }
  return { resources, kinds }
}

function accept(
  wanted: CustomResourceDefinitionNames,
  accepted: CustomResourceDefinitionNames,
  taken: Taken,
): { names: CustomResourceDefinitionNames; reason?: string; message?: string } {
  const names: CustomResourceDefinitionNames = { ...accepted }
  let problem: { reason: string; message: string } | undefined
  const claim = (field: 'plural' | 'singular' | 'kind' | 'listKind', used: ReadonlySet<string>, reason: string): void => {
    const name = wanted[field] ?? ''
    if (name !== accepted[field] && used.has(name)) problem = { reason, message: inUse(name) }
    else if (name !== '') names[field] = name
  }
  claim('plural', taken.resources, 'PluralConflict')
  claim('singular', taken.resources, 'SingularConflict')
  const conflicts = (wanted.shortNames ?? []).filter((name) => !accepted.shortNames?.includes(name) && taken.resources.has(name))
  if (conflicts.length > 0) problem = { reason: 'ShortNamesConflict', message: aggregate(conflicts.map(inUse)) }
  else assign(names, 'shortNames', wanted.shortNames)
  claim('kind', taken.kinds, 'KindConflict')
  claim('listKind', taken.kinds, 'ListKindConflict')
  assign(names, 'categories', wanted.categories)
  return { names, ...problem }
}

function assign(names: CustomResourceDefinitionNames, field: 'shortNames' | 'categories', values: string[] | undefined): void {
  if (values === undefined) delete names[field]
  else names[field] = [...values]
}

const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`
