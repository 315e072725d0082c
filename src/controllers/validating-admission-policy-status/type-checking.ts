import { allResources, type ExpressionWarning, type ResourceDefinition, requestTypes, type ValidatingAdmissionPolicy } from '#api'
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
  const environments = kinds.map((resource) => ({ resource, environment: environmentFor(cel, policy, resource) }))
  return expressions.flatMap(({ fieldRef, text }) => {
    const problems = environments.flatMap(({ resource: { group, version, kind }, environment }) => {
      const problem = problemOf(environment, text)
      return problem === undefined ? [] : `${group}/${version}, Kind=${kind}: ${problem}\n`
    })
    return problems.length === 0 ? [] : { fieldRef, warning: problems.join('\n') }
  })
}

function expressionsOf({ spec }: ValidatingAdmissionPolicy): Expression[] {
  return (spec?.validations ?? []).flatMap(({ expression, messageExpression }, index) => [
    { fieldRef: `spec.validations[${index}].expression`, text: expression },
    ...(messageExpression ? [{ fieldRef: `spec.validations[${index}].messageExpression`, text: messageExpression }] : []),
  ])
}

/** In the order of group, version and kind. A rule for all groups or all versions names none. */
function kindsOf({ spec }: ValidatingAdmissionPolicy): ResourceDefinition[] {
  const names = new Set<string>()
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec?.matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((name) => name.includes('*'))) continue
    for (const group of apiGroups)
      for (const version of apiVersions) for (const resource of resources) names.add(`${group}/${version}/${resource}`)
  }
  const known = allResources.filter(({ group, version, names: { plural } }) => names.has(`${group}/${version}/${plural}`))
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  return known
    .toSorted((a, b) => order(a.group, b.group) || order(a.version, b.version) || order(a.kind, b.kind))
    .slice(0, TYPES_MAX)
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
  const requests = requestTypes(cel)
  const provider: TypeProvider = {
    hasType: (name) => name === VARIABLES || schemas.hasType(name) || requests.provider.hasType(name),
    field(name, field) {
      if (name !== VARIABLES) return schemas.field(name, field) ?? requests.provider.field(name, field)
      const type = variables.get(field)
      return type && { type }
    },
  }
  const environment = cel.kubernetesEnvironment().extend({
    provider,
    variables: {
      object: { type: object },
      oldObject: { type: object },
      request: { type: requests.request },
      namespaceObject: { type: requests.namespaceObject },
      authorizer: { type: cel.authorizerType },
      variables: { type: types.struct(VARIABLES) },
      ...(spec?.paramKind !== undefined && { params: { type: typeOf('paramsType', params) } }),
    },
  })
  for (const { name, expression } of spec?.variables ?? []) {
    try {
      variables.set(name, cel.typeOfRoot(environment.check(expression)))
    } catch {
      // What uses it is judged as if it were fine.
      variables.set(name, types.dyn)
    }
  }
  return environment
}

function problemOf(environment: Environment, text: string): string | undefined {
  try {
    environment.check(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
