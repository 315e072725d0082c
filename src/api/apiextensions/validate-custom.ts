import { isObject, type KubernetesObject, parseSelector } from '#meta'
import type { CustomResourceSubresourceScale } from '../generated/types.ts'
import { labels } from '../validation/common.ts'
import { complaints, type Findings, foundBy, invalidValue, required } from '../validation/findings.ts'
import { dns1035Label } from '../validation/names.ts'
import { loadedRules } from './rules/load.ts'
import { additionalOf, isEmbedded, isRuled, propertyOf, type Structural } from './schema/structural.ts'
import { duplicateItems, validateValue } from './schema/validate-value.ts'

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
  const problems: Findings = [...validateValue(object, schema, '', old && { value: old })]
  scaleProblems(object, scale, problems)
  embeddedProblems(object, schema, '', true, problems)
  const wasUnique = old === undefined || foundBy((before) => duplicateItems(old, schema, '', before)).length === 0
  if (wasUnique) duplicateItems(object, schema, '', problems)
  found.push(...problems)
  if (!isRuled(schema)) return
  // A value of the wrong type or size is nothing that a rule could judge.
  if (problems.some(({ reason }) => BLOCKING.has(reason))) found.push(invalidValue('<nil>', null, NOT_CHECKED))
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

const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueTooLong',
  'FieldValueTooMany',
])
const NOT_CHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'

const REPLICAS_MAX = 2 ** 31 - 1

function scaleProblems(object: KubernetesObject, scale: CustomResourceSubresourceScale | undefined, found: Findings): void {
  if (scale === undefined) return
  for (const path of [scale.specReplicasPath, scale.statusReplicasPath]) {
    const replicas = valueAt(object, path)
    if (typeof replicas !== 'number') continue
    if (replicas < 0) found.push(invalidValue(path, replicas, 'should be a non-negative integer'))
    else if (replicas > REPLICAS_MAX) found.push(invalidValue(path, replicas, `should be less than or equal to ${REPLICAS_MAX}`))
  }
  const selector = scale.labelSelectorPath ? valueAt(object, scale.labelSelectorPath) : undefined
  if (typeof selector !== 'string') return
  try {
    parseSelector(selector)
  } catch (error) {
    found.push(invalidValue(scale.labelSelectorPath!, selector, (error as Error).message))
  }
}

/** The value of a simple path such as `.spec.replicas`. */
export function valueAt(object: unknown, path: string): unknown {
  return path
    .split('.')
    .filter((name) => name !== '')
    .reduce<unknown>((value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined), object)
}

/** Objects inside an object: they too have a kind, and metadata that must be well-formed. */
function embeddedProblems(value: unknown, node: Structural, path: string, isRoot: boolean, found: Findings): void {
  if (Array.isArray(value)) {
    if (node.items === undefined) return
    for (const [index, item] of value.entries()) embeddedProblems(item, node.items, `${path}[${index}]`, false, found)
    return
  }
  if (!isObject(value)) return
  if (isEmbedded(node) && !isRoot) embeddedObject(value, path, found)
  const additional = additionalOf(node)
  for (const [name, field] of Object.entries(value)) {
    const child = propertyOf(node, name) ?? additional
    if (child !== undefined) embeddedProblems(field, child, path === '' ? name : `${path}.${name}`, false, found)
  }
}

function embeddedObject(value: Record<string, unknown>, path: string, found: Findings): void {
  const { apiVersion, kind, metadata } = value as KubernetesObject
  if (!apiVersion) found.push(required(`${path}.apiVersion`, 'must not be empty'))
  else if (apiVersion.split('/').length > 2) {
    found.push(invalidValue(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
  }
  if (!kind) found.push(required(`${path}.kind`, 'must not be empty'))
  else {
    const problems = [...dns1035Label(kind.toLowerCase())].map(
      (each) => `may have mixed case, but should otherwise match: ${each}`,
    )
    complaints(problems, kind, `${path}.kind`, found)
  }
  labels(metadata?.labels, `${path}.metadata.labels`, found)
}
