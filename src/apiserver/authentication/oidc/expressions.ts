import type { Program, Type, Value } from '#cel'
import type { UserInfo } from '#client'
import type { Claims } from '../jwt.ts'

type Cel = typeof import('#cel')

/** Expressions over `claims`, and over the `user` that came of them. */
export interface ClaimLanguage {
  /** Throws an Error with what is wrong. */
  compileClaims(expression: string): Program
  compileUser(expression: string): Program
}

const STRING = { type: 'string' } as const
const STRINGS = { type: 'array', items: STRING } as const
const USER = {
  type: 'object',
  properties: { username: STRING, uid: STRING, groups: STRINGS, extra: { type: 'object', additionalProperties: STRINGS } },
} as const

let made: Promise<ClaimLanguage> | undefined

/** The language is loaded with the first configuration. */
export const claimLanguage = (): Promise<ClaimLanguage> => (made ??= import('#cel').then(languageOf))

function languageOf(cel: Cel): ClaimLanguage {
  const { types } = cel
  const base = cel.kubernetesEnvironment()
  const provider = new cel.SchemaTypes()
  const user = provider.declare('kubernetes.UserInfo', USER)!
  const claimsEnvironment = base.extend({ variables: { claims: { type: types.map(types.string, types.anyType) } } })
  const userEnvironment = base.extend({ provider, variables: { user } })
  const compile = (environment: typeof base, expression: string): Program => {
    try {
      return environment.compile(expression)
    } catch (error) {
      throw new Error(`compilation failed: ${(error as Error).message}`, { cause: error })
    }
  }
  return {
    compileClaims: (expression) => compile(claimsEnvironment, expression),
    compileUser: (expression) => compile(userEnvironment, expression),
  }
}

export const isBool = (type: Type): boolean => type.kind === 'bool'

export const evaluated = (program: Program, variables: { readonly claims: Claims } | { readonly user: UserInfo }): Value =>
  program.evaluate(variables).value

/** A text or a list of them; what is empty is left out. Throws for anything else. */
export function textsOf(value: Value): string[] {
  if (value === null) return []
  const texts = typeof value === 'string' ? [value] : isList(value) ? value.toArray() : undefined
  if (texts === undefined || !texts.every((each) => typeof each === 'string'))
    throw new Error('expression must return a string or a list of strings')
  return texts.filter((each) => each !== '')
}

const isList = (value: Value): value is Extract<Value, { toArray(): unknown[] }> =>
  typeof value === 'object' && value !== null && 'toArray' in value

/** Whether an expression reads `claims.FIELD`, in whichever way. */
export function readsClaim({ checked }: Program, field: string): boolean {
  const isClaims = (node: unknown): boolean => (node as { name?: unknown } | undefined)?.name === 'claims'
  const isField = (node: unknown): boolean => (node as { value?: unknown } | undefined)?.value === field
  const visit = (node: unknown): boolean => {
    if (typeof node !== 'object' || node === null) return false
    if (Array.isArray(node)) return node.some(visit)
    const { kind, operand, args, name } = node as {
      kind?: string
      operand?: unknown
      field?: string
      name?: string
      args?: unknown[]
    }
    if (kind === 'select' && isClaims(operand) && (node as { field: string }).field === field) return true
    if (kind === 'call' && name === '_?._' && isClaims(args?.[0]) && isField(args?.[1])) return true
    return Object.values(node).some(visit)
  }
  return visit(checked.root)
}
