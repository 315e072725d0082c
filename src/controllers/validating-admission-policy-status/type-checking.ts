import { allResources, type ExpressionWarning, type ResourceDefinition, type ValidatingAdmissionPolicy } from '#api'
import type { Environment, Type, TypeProvider } from '#cel'
import { apiVersionOf } from '#meta'

type Cel = typeof import('#cel')

/** Upstream's bound on the types that one policy is checked against. */
const TYPES_MAX = 10
const VARIABLES = 'kubernetes.variables'

interface Expression {
  readonly fieldRef: string
  readonly text: string
}

/**
 * What is wrong with a policy's expressions for the built-in kinds that its rules name, kind by kind
 * (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking). Rules with wildcards are left out, as
 * upstream does.
 */
export async function typeWarnings(policy: ValidatingAdmissionPolicy): Promise<ExpressionWarning[]> {
  const expressions = expressionsOf(policy)
  const kinds = kindsOf(policy)
  if (expressions.length === 0 || kinds.length === 0) return []
  // The language is loaded with the first policy.
  const cel = await import('#cel')
  const found = new Map<string, string[]>()
  for (const resource of kinds) {
    const environment = environmentFor(cel, policy, resource)
    for (const { fieldRef, text } of expressions) {
      const problem = problemOf(environment, text)
      if (problem === undefined) continue
      const said = `${apiVersionOf(resource)}, Kind=${resource.kind}: ${problem}`
      found.set(fieldRef, [...(found.get(fieldRef) ?? []), said])
    }
  }
  return [...found].map(([fieldRef, problems]) => ({ fieldRef, warning: problems.join('\n') }))
}

function expressionsOf({ spec }: ValidatingAdmissionPolicy): Expression[] {
  return (spec?.validations ?? []).flatMap(({ expression, messageExpression }, index) => [
    { fieldRef: `spec.validations[${index}].expression`, text: expression },
    ...(messageExpression ? [{ fieldRef: `spec.validations[${index}].messageExpression`, text: messageExpression }] : []),
  ])
}

function kindsOf({ spec }: ValidatingAdmissionPolicy): ResourceDefinition[] {
  const names = new Set<string>()
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec?.matchConstraints?.resourceRules ?? [])
    for (const group of apiGroups)
      for (const version of apiVersions) for (const resource of resources) names.add(`${group}/${version}/${resource}`)
  const known = allResources.filter(({ group, version, names: { plural } }) => names.has(`${group}/${version}/${plural}`))
  return known.slice(0, TYPES_MAX)
}

function environmentFor(cel: Cel, { spec }: ValidatingAdmissionPolicy, resource: ResourceDefinition): Environment {
  const { types } = cel
  const schemas = new cel.SchemaTypes()
  const typeOf = (name: string, definition: ResourceDefinition | undefined): Type =>
    (definition && schemas.declare(name, definition.schema() as never, true)?.type) ?? types.dyn
  const object = typeOf('objectType', resource)
  const { apiVersion, kind } = spec?.paramKind ?? {}
  const params = allResources.find((each) => apiVersionOf(each) === apiVersion && each.kind === kind)
  const variables = new Map<string, Type>()
  const provider: TypeProvider = {
    hasType: (name) => name === VARIABLES || schemas.hasType(name),
    field(name, field) {
      if (name !== VARIABLES) return schemas.field(name, field)
      const type = variables.get(field)
      return type && { type }
    },
  }
  const dyn = { type: types.dyn }
  const environment = cel.kubernetesEnvironment().extend({
    provider,
    variables: {
      object: { type: object },
      oldObject: { type: object },
      request: dyn,
      namespaceObject: dyn,
      authorizer: { type: cel.authorizerType },
      'authorizer.requestResource': { type: cel.resourceCheckType },
      variables: { type: types.struct(VARIABLES) },
      ...(spec?.paramKind !== undefined && { params: { type: typeOf('paramsType', params) } }),
    },
  })
  for (const { name, expression } of spec?.variables ?? []) {
    try {
      variables.set(name, environment.compile(expression).type)
    } catch {
      // What uses it is judged as if it were fine.
      variables.set(name, types.dyn)
    }
  }
  return environment
}

function problemOf(environment: Environment, text: string): string | undefined {
  try {
    environment.compile(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
