import type { MatchResources, ResourceDefinition } from '#api'
import type { AdmissionContext, Attributes } from '../types.ts'
import { matchedResource } from '../webhook/match.ts'

const EVERYTHING = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], scope: '*' }]

/** The resource as which the request concerns a policy or binding; undefined when it does not. Without rules everything does. Throws what kept it from being found. */
export function matchedByPolicy(
  match: MatchResources | undefined,
  attributes: Attributes,
  context: AdmissionContext,
): ResourceDefinition | undefined {
  const { resourceRules, excludeResourceRules, ...rest } = match ?? {}
  const rules = resourceRules?.length ? resourceRules : EVERYTHING
  return matchedResource({ ...rest, rules, excludedRules: excludeResourceRules ?? [] }, attributes, context)
}
