import { type LabelSelector, type Namespace, namespaces, type ResourceDefinition } from '#api'
import { compileSelector, failure, type KubernetesObject, type Labels, matches } from '#meta'
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

type Selectors = Pick<HookRules, 'matchPolicy' | 'namespaceSelector' | 'objectSelector' | 'rules'>

/**
 * The resource as which the request concerns the hook: the one that was asked for, or an equivalent one that a rule names; undefined
 * when it does not.
 */
export function matchedResource(
  hook: Selectors,
  attributes: Attributes,
  context: AdmissionContext,
): ResourceDefinition | undefined {
  const rules = hook.rules ?? []
  const { resource } = attributes
  const matched = rules.some((rule) => ruleMatches(rule, targetOf(attributes, resource)))
    ? resource
    : hook.matchPolicy === 'Exact'
      ? undefined
      : equivalentsOf(resource, context.catalog).find((each) =>
          rules.some((rule) => ruleMatches(rule, targetOf(attributes, each))),
        )
  if (matched === undefined) return undefined
  if (!selectsObject(hook.objectSelector, attributes) || !selectsNamespace(hook.namespaceSelector, attributes, context))
    return undefined
  return matched
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

export function selectsObject(selector: LabelSelector | undefined, { object, oldObject }: Attributes): boolean {
  if (isEmpty(selector)) return true
  const requirements = compileSelector(selector!)
  const fits = (each: KubernetesObject | undefined): boolean => each !== undefined && matches(requirements, each.metadata?.labels)
  return fits(object) || fits(oldObject)
}

export function selectsNamespace(
  selector: LabelSelector | undefined,
  attributes: Attributes,
  { cache }: AdmissionContext,
): boolean {
  if (isEmpty(selector)) return true
  const { resource, object, oldObject, namespace } = attributes
  let labels: Labels | undefined
  if (resource === (namespaces as unknown)) labels = (object ?? oldObject)?.metadata?.labels
  else if (resource.scope === 'Cluster') return true
  else {
    const found = cache.of(namespaces).get(namespace)?.object as Namespace | undefined
    if (found === undefined) throw failure(404, 'NotFound', `namespaces ${JSON.stringify(namespace)} not found`)
    labels = found.metadata?.labels
  }
  return matches(compileSelector(selector!), labels)
}
