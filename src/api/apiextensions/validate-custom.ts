import type { KubernetesObject } from '#meta'
import type { CustomResourceSubresourceScale } from '../generated/types.ts'
import { type Findings, foundBy, invalidValue } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { loadedRules } from './rules/load.ts'
import { correlatedField } from './schema/correlation.ts'
import { duplicateItems } from './schema/list-types.ts'
import { nestedInteger, nestedText } from './schema/nested.ts'
import { validateResources } from './schema/resource-meta.ts'
import { isRuled, propertyOf, type Structural } from './schema/structural.ts'
import { at, validateValue } from './schema/validate-value.ts'

export interface CustomRules {
  readonly schema: Structural
  readonly scale: CustomResourceSubresourceScale | undefined
}

/** Everything wrong with an object of a custom kind; `old`: what it was, of which unchanged parts may stay invalid. */
export function validateCustom(
  object: KubernetesObject,
  { schema, scale }: CustomRules,
  old: KubernetesObject | undefined,
  found: Findings,
): void {
  const problems: Findings = validateValue(object, schema, { former: old && { value: old, node: schema } })
  if (scale !== undefined) {
    replicas(object, scale.specReplicasPath, problems)
    scaleStatus(object, scale, problems)
  }
  validateResources(object, schema, '', problems)
  duplicates(object, schema, old, problems)
  judge(object, schema, old, problems, found)
}

/** The same of a change of the status alone: the rest is not looked at again, but by rules. */
export function validateCustomStatus(
  object: KubernetesObject,
  { schema, scale }: CustomRules,
  old: KubernetesObject,
  found: Findings,
): void {
  const { status } = object as { readonly status?: unknown }
  const own = propertyOf(schema, 'status')
  const former = correlatedField({ value: old, node: schema }, 'status')
  const problems: Findings = own === undefined || status === undefined ? [] : at('status', validateValue(status, own, { former }))
  if (scale !== undefined) scaleStatus(object, scale, problems)
  duplicates(object, schema, old, problems)
  judge(object, schema, old, problems, found)
}

function duplicates(object: KubernetesObject, schema: Structural, old: KubernetesObject | undefined, found: Findings): void {
  const now = foundBy((all) => duplicateItems(object, schema, '', all))
  if (now.length === 0) return
  if (old === undefined || foundBy((before) => duplicateItems(old, schema, '', before)).length === 0) found.push(...now)
}

function judge(
  object: KubernetesObject,
  schema: Structural,
  old: KubernetesObject | undefined,
  problems: Findings,
  found: Findings,
): void {
  found.push(...problems)
  if (!isRuled(schema)) return
  // A value of the wrong type or size is nothing that a rule could judge.
  if (found.some(({ reason }) => BLOCKING.has(reason))) found.push(invalidValue('<nil>', null, NOT_CHECKED))
  else {
    const { problems: refused, tolerated } = loadedRules().runRules(object, schema, { former: old && { value: old } })
    found.push(...refused)
    if (tolerated.length > 0) toleratedOf.set(object, tolerated)
  }
}

/** What rules said of objects that are wrong now, but were so before. */
const toleratedOf = new WeakMap<KubernetesObject, Findings>()

/** Those who write an object that stays wrong hear of it. */
export function toleranceWarnings(object: KubernetesObject, warnings: string[]): void {
  for (const { field, message } of toleratedOf.get(object) ?? []) warnings.push(`${field}: ${message}`)
}

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

/** Custom kinds may name finalizers as they like, but those who add one hear of what could clash. */
export function finalizerWarnings(object: KubernetesObject, old: KubernetesObject | undefined, warnings: string[]): void {
  const { finalizers = [] } = object.metadata ?? {}
  if (finalizers.length === 0) return
  const known = new Set(old?.metadata?.finalizers)
  for (const finalizer of [...new Set(finalizers)].filter((each) => !known.has(each)).sort()) {
    const say = (detail: string): void => void warnings.push(`metadata.finalizers: ${JSON.stringify(finalizer)}: ${detail}`)
    for (const problem of qualifiedName(finalizer)) say(problem)
    if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) continue
    const path = finalizer.includes('.') ? ' including a path (/)' : ''
    say(`prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`)
  }
}

const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueTooLong',
  'FieldValueTooMany',
])
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'

const REPLICAS_MAX = 2 ** 31 - 1

function scaleStatus(
  object: KubernetesObject,
  { statusReplicasPath, labelSelectorPath }: CustomResourceSubresourceScale,
  found: Findings,
): void {
  replicas(object, statusReplicasPath, found)
  if (labelSelectorPath === undefined) return
  const selector = nestedText(object, labelSelectorPath)
  if (typeof selector === 'object') found.push(invalidValue(labelSelectorPath, '', selector.problem))
}

function replicas(object: KubernetesObject, path: string, found: Findings): void {
  const count = nestedInteger(object, path)
  if (typeof count === 'object') found.push(invalidValue(path, 0, count.problem))
  else if (count < 0) found.push(invalidValue(path, count, 'should be a non-negative integer'))
  else if (count > REPLICAS_MAX) found.push(invalidValue(path, count, `should be less than or equal to ${REPLICAS_MAX}`))
}
