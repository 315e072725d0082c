import { type LabelSelector, type Namespace, namespaces, type ResourceDefinition } from '#api'
import { compileSelector, type KubernetesObject, matches, notFound } from '#meta'
import type { AdmissionContext, Attributes } from '../types.ts'
import { equivalentsOf } from './equivalents.ts'
import type { HookRules } from './hook.ts'
import { type RuleTarget, ruleMatches } from './rules.ts'

const EXEMPT = new Set([
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
])

/** What could lock everybody out of its own repair is never shown to webhooks or policies. */
export const isExempt = ({ resource }: Attributes): boolean =>
  resource.group === 'admissionregistration.k8s.io' && EXEMPT.has(resource.names.plural)

type Rules = NonNullable<HookRules['rules']>

export interface Selection extends Pick<HookRules, 'matchPolicy' | 'namespaceSelector' | 'objectSelector' | 'rules'> {
  /** What is about none of these. */
  readonly excludedRules?: Rules
}

/**
 * The resource as which the request concerns the hook: the one that was asked for, or an equivalent one that a rule names; undefined
 * when it does not. Throws what kept a selector from being judged, where everything else fits.
 */
export function matchedResource(
  { rules = [], excludedRules = [], matchPolicy, namespaceSelector, objectSelector }: Selection,
  attributes: Attributes,
  context: AdmissionContext,
): ResourceDefinition | undefined {
  let unknown: unknown
  try {
    if (!selectsNamespace(namespaceSelector, attributes, context)) return undefined
  } catch (error) {
    unknown = error
  }
  if (!selectsObject(objectSelector, attributes)) return undefined
  if (ruledResource(excludedRules, matchPolicy, attributes, context) !== undefined) return undefined
  const found = ruledResource(rules, matchPolicy, attributes, context)
  if (found !== undefined && unknown !== undefined) throw unknown
  return found
}

/** What was asked for comes first, then what an earlier rule names. */
function ruledResource(
  rules: Rules,
  matchPolicy: string | undefined,
  attributes: Attributes,
  { catalog }: AdmissionContext,
): ResourceDefinition | undefined {
  const { resource } = attributes
  if (rules.length === 0) return undefined
  if (rules.some((rule) => ruleMatches(rule, targetOf(attributes, resource)))) return resource
  if (matchPolicy !== 'Equivalent') return undefined
  const equivalents = equivalentsOf(resource, catalog)
  for (const rule of rules) {
    const found = equivalents.find((each) => ruleMatches(rule, targetOf(attributes, each)))
    if (found !== undefined) return found
  }
  return undefined
}

export const targetOf = (
  { operation, subresource, resource: asked, name }: Attributes,
  resource: ResourceDefinition,
): RuleTarget => ({
  operation,
  group: resource.group,
  version: resource.version,
  resource: resource.names.plural,
  subresource,
  namespaced: asked.scope === 'Namespaced',
  name,
})

const isEmpty = (selector: LabelSelector | undefined): boolean =>
  selector === undefined || (Object.keys(selector.matchLabels ?? {}).length === 0 && !selector.matchExpressions?.length)

function selectsObject(selector: LabelSelector | undefined, { object, oldObject }: Attributes): boolean {
  if (isEmpty(selector)) return true
  const requirements = compileSelector(selector!)
  // What has no metadata has no labels that could be looked for.
  const fits = (each: KubernetesObject | undefined): boolean =>
    each?.metadata !== undefined && matches(requirements, each.metadata.labels)
  return fits(object) || fits(oldObject)
}

function selectsNamespace(selector: LabelSelector | undefined, attributes: Attributes, { cache }: AdmissionContext): boolean {
  const { resource, subresource, operation, object, namespace } = attributes
  const isNamespace = resource === (namespaces as unknown)
  if (isEmpty(selector) || (namespace === '' && !isNamespace)) return true
  const isWritten = isNamespace && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE')
  if (isWritten) return matches(compileSelector(selector!), object?.metadata?.labels)
  const name = namespace === '' ? attributes.name : namespace
  const found = cache.of(namespaces).get(name)?.object as Namespace | undefined
  if (found === undefined) throw notFound(namespaces, name)
  return matches(compileSelector(selector!), found.metadata?.labels)
}
