import type { SubjectAccessReviewSpec } from '#api'
import type { Program } from '#cel'

type Cel = typeof import('#cel')

const STRING = { type: 'string' } as const
const STRINGS = { type: 'array', items: STRING } as const
const struct = (properties: object): object => ({ type: 'object', properties })
const SELECTOR = struct({
  rawSelector: STRING,
  requirements: { type: 'array', items: struct({ key: STRING, operator: STRING, values: STRINGS }) },
})

/** `request` of match conditions: the spec of a SubjectAccessReview, in version v1. */
const REQUEST = struct({
  resourceAttributes: struct({
    namespace: STRING,
    verb: STRING,
    group: STRING,
    version: STRING,
    resource: STRING,
    subresource: STRING,
    name: STRING,
    fieldSelector: SELECTOR,
    labelSelector: SELECTOR,
  }),
  nonResourceAttributes: struct({ path: STRING, verb: STRING }),
  user: STRING,
  groups: STRINGS,
  uid: STRING,
  extra: { type: 'object', additionalProperties: STRINGS },
})

/** Says which requests an authorizer is asked about (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#authorization-config). */
export class MatchConditions {
  readonly #programs: readonly { readonly expression: string; readonly program: Program }[]

  /** Throws an Error that says which expression does not compile, and why. */
  static async compile(expressions: readonly string[]): Promise<MatchConditions> {
    const cel = await import('#cel')
    const environment = environmentOf(cel)
    const programs = expressions.map((expression) => {
      const program = environment.compile(expression)
      if (program.type.kind !== 'bool') throw new Error('must evaluate to bool')
      return { expression, program }
    })
    return new MatchConditions(programs)
  }

  private constructor(programs: readonly { readonly expression: string; readonly program: Program }[]) {
    this.#programs = programs
  }

  /** Whether all hold: one that is false decides, whatever else fails. Throws what failed otherwise. */
  match(spec: SubjectAccessReviewSpec): boolean {
    const failures: string[] = []
    const request = withEmpty(spec)
    for (const { expression, program } of this.#programs) {
      try {
        if (program.evaluate({ request }).value !== true) return false
      } catch (error) {
        failures.push(`cel evaluation error: expression '${expression}' resulted in error: ${(error as Error).message}`)
      }
    }
    if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0]! : `[${failures.join(', ')}]`)
    return true
  }
}

/** What is a text in upstream's types is there, empty; only the two kinds of attributes can be absent. */
function withEmpty(spec: SubjectAccessReviewSpec): object {
  const { resourceAttributes, ...rest } = spec
  const texts = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' }
  return {
    uid: '',
    extra: {},
    ...rest,
    ...(resourceAttributes && { resourceAttributes: { ...texts, ...resourceAttributes } }),
  }
}

let environment: ReturnType<typeof environmentOf> | undefined

function environmentOf(cel: Cel): ReturnType<Cel['kubernetesEnvironment']> {
  if (environment === undefined) {
    // `namespace` is called so here, as upstream's own types are not escaped.
    const provider = new cel.SchemaTypes((property) => property)
    const request = provider.declare('kubernetes.SubjectAccessReviewSpec', REQUEST)!
    environment = cel.kubernetesEnvironment().extend({ provider, variables: { request } })
  }
  return environment
}
