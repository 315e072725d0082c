import type { Environment, Type } from '#cel'
import { type RequestTypes, requestTypes } from './request-types.ts'

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

interface Base {
  readonly environment: Environment
  readonly requests: RequestTypes
}

const bases = new WeakMap<Cel, Map<boolean, Base>>()

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#validation-expression */
export function environmentOf(cel: Cel, { params = false, variables, mutation = false, authorizer = true }: Scope): Environment {
  const { types } = cel
  const ready = <T>(raw: T): T => raw
  let known = bases.get(cel)
  if (known === undefined) bases.set(cel, (known = new Map()))
  let base = known.get(authorizer)
  if (base === undefined) {
    const dyn = { type: types.dyn }
    const requests = requestTypes(cel)
    const environment = cel.kubernetesEnvironment().extend({
      provider: requests.provider,
      variables: {
        object: dyn,
        oldObject: dyn,
        request: { type: requests.request },
        namespaceObject: { type: requests.namespaceObject },
        ...(authorizer && {
          authorizer: { type: cel.authorizerType, adapt: ready as never },
          'authorizer.requestResource': { type: cel.resourceCheckType, adapt: ready as never },
        }),
      },
    })
    base = { environment, requests }
    known.set(authorizer, base)
  }
  const { environment, requests } = base
  if (!params && variables === undefined && !mutation) return environment
  const own = {
    hasType: (name: string) => name === VARIABLES || requests.provider.hasType(name),
    field(name: string, field: string) {
      if (name !== VARIABLES) return requests.provider.field(name, field)
      const type = variables?.get(field)
      return type && { type }
    },
  }
  return environment.extend({
    variables: {
      ...(params && { params: { type: types.dyn } }),
      ...(variables !== undefined && { variables: { type: types.struct(VARIABLES), adapt: ready as never } }),
    },
    provider: mutation ? cel.mutationTypes(own) : own,
    ...(mutation && { libraries: [cel.jsonPatchLibrary] }),
  })
}
