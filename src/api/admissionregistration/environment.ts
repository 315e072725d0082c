import type { Environment, Type } from '#cel'

type Cel = typeof import('#cel')

/** What expressions of a webhook or policy may name beside the request's own variables. */
export interface Scope {
  readonly params?: boolean
  /** Names and types of the policy's own variables, of those that come before. */
  readonly variables?: ReadonlyMap<string, Type>
  /** Whether `Object{…}` and `JSONPatch{…}` can be made. */
  readonly mutation?: boolean
  /** Whether expressions may ask what the author of a request may do; they may, unless said otherwise. */
  readonly authorizer?: boolean
}

const VARIABLES = 'kubernetes.variables'

const bases = new WeakMap<Cel, Map<boolean, Environment>>()

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression */
export function environmentOf(cel: Cel, { params = false, variables, mutation = false, authorizer = true }: Scope): Environment {
  const { types } = cel
  const ready = <T>(raw: T): T => raw
  let known = bases.get(cel)
  if (known === undefined) bases.set(cel, (known = new Map()))
  let base = known.get(authorizer)
  if (base === undefined) {
    const dyn = { type: types.dyn }
    base = cel.kubernetesEnvironment().extend({
      variables: {
        object: dyn,
        oldObject: dyn,
        request: dyn,
        namespaceObject: dyn,
        ...(authorizer && {
          authorizer: { type: cel.authorizerType, adapt: ready as never },
          'authorizer.requestResource': { type: cel.resourceCheckType, adapt: ready as never },
        }),
      },
    })
    known.set(authorizer, base)
  }
  if (!params && variables === undefined && !mutation) return base
  const own = {
    hasType: (name: string) => name === VARIABLES,
    field(name: string, field: string) {
      const type = name === VARIABLES ? variables?.get(field) : undefined
      return type && { type }
    },
  }
  return base.extend({
    variables: {
      ...(params && { params: { type: types.dyn } }),
      ...(variables !== undefined && { variables: { type: types.struct(VARIABLES), adapt: ready as never } }),
    },
    provider: mutation ? cel.mutationTypes(own) : own,
    ...(mutation && { libraries: [cel.jsonPatchLibrary] }),
  })
}
