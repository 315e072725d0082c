import type { MatchResources, ResourceDefinition } from '#api'
import type { AdmissionContext, Attributes } from '../types.ts'
import { matchedResource, targetOf } from '../webhook/match.ts'
import { ruleMatches } from '../webhook/rules.ts'

const EVERYTHING = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], scope: '*' }]

/** The resource as which the request concerns a policy or binding; undefined when it does not. Without rules everything does. */
export function matchedByPolicy(
  match: MatchResources | undefined,
  attributes: Attributes,
  context: AdmissionContext,
): ResourceDefinition | undefined {
  const { resourceRules, excludeResourceRules = [], matchPolicy, namespaceSelector, objectSelector } = match ?? {}
  const selectors = {
    ...(matchPolicy && { matchPolicy }),
    ...(namespaceSelector && { namespaceSelector }),
    ...(objectSelector && { objectSelector }),
  }
  const rules = resourceRules?.length ? resourceRules : EVERYTHING
  const found = matchedResource({ ...selectors, rules }, attributes, context)
  if (found === undefined) return undefined
  const excluded = excludeResourceRules.some((rule) => ruleMatches(rule, targetOf(attributes, found)))
  return excluded ? undefined : found
}
