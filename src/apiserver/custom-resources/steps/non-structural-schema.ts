import { structuralProblems } from '#api'
import { withCondition, withoutCondition } from '../conditions.ts'
import { aggregate } from './aggregate.ts'
import type { Step } from './types.ts'

const TYPE = 'NonStructuralSchema'

/**
 * Says what keeps a definition of an older server from having its fields pruned and filled in
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
 */
export const nonStructuralSchema: Step = ({ spec, status = {} }, { now }) => {
  const problems: string[] = spec.preserveUnknownFields ? ['spec.preserveUnknownFields: Invalid value: true: must be false'] : []
  for (const [index, { name, schema }] of spec.versions.entries()) {
    if (schema?.openAPIV3Schema === undefined) continue
    const found = structuralProblems(schema.openAPIV3Schema, `spec.versions[${index}].schema.openAPIV3Schema`)
    if (typeof found === 'string') {
      const message = `failed to check validation schema for version ${name}: ${found}`
      return withCondition(status, { type: TYPE, status: 'Unknown', reason: 'StructuralError', message }, now)
    }
    problems.push(...found.map(({ field, message }) => `${field}: ${message}`))
  }
  if (problems.length === 0) return withoutCondition(status, TYPE)
  const message = aggregate(problems)
  return withCondition(status, { type: TYPE, status: 'True', reason: 'Violations', message }, now)
}
