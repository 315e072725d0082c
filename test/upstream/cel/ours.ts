import {
  Authorizer,
  authorizerType,
  CelDuration,
  CelList,
  CelMap,
  CompileError,
  type Environment,
  EvaluationError,
  estimateCost,
  formatType,
  InstantiationError,
  jsonPatchLibrary,
  kubernetesEnvironment,
  Optional,
  type SchemaType,
  SchemaTypes,
  sizeHints,
  type Value,
  type Variable,
} from '#cel'
import { celSchema } from '../../../src/api/apiextensions/rules/cel-schema.ts'
import { structuralOf } from '../../../src/api/apiextensions/schema/structural.ts'
import { Double, Uint } from '../../../src/cel/values/number.ts'
import { type Opaque, TypeValue } from '../../../src/cel/values/opaque.ts'
import { StructValue } from '../../../src/cel/values/struct.ts'
import { Timestamp } from '../../../src/cel/values/timestamp.ts'

/** A case and an answer as `main.go` has them. */
export interface ExpressionCase {
  readonly text: string
  readonly minor?: number
  readonly variables?: Readonly<Record<string, { readonly schema?: object; readonly value?: unknown }>>
  readonly withPatches?: boolean
}

export interface ExpressionAnswer {
  readonly issues?: string
  readonly type?: string
  readonly min?: string
  readonly max?: string
  readonly value?: unknown
  readonly error?: string
  readonly cost?: string
  readonly panic?: string
}

const UINT64_MAX = '18446744073709551615'

/** Our answer to a case. */
export function answerTo({ text, minor, variables = {}, withPatches = false }: ExpressionCase): ExpressionAnswer {
  const { environment, roots } = environmentOf(variables, minor, withPatches)
  const data = Object.fromEntries(
    Object.entries(variables)
      .filter(([, { value }]) => value !== undefined)
      .map(([name, { value }]) => [name, name === 'authorizer' ? new Authorizer(authorize) : () => value]),
  )
  let program: ReturnType<Environment['compile']>
  try {
    program = environment.compile(text)
  } catch (error) {
    if (error instanceof CompileError) return { issues: error.message }
    if (!(error instanceof InstantiationError)) throw error
    const checked = environment.check(text)
    const { min, max } = estimateCost(checked, sizeHints(roots))
    const type = formatType(checked.types[checked.root.id]!)
    return { type, min: whole(min), max: whole(max), error: `program: ${error.message}` }
  }
  const { min, max } = estimateCost(program.checked, sizeHints(roots))
  const compiled = { type: formatType(program.type), min: whole(min), max: whole(max) }
  try {
    const { value, cost } = program.evaluate(data)
    return { ...compiled, value: shown(value), cost: String(cost) }
  } catch (error) {
    if (error instanceof EvaluationError) return { ...compiled, error: error.message, cost: String(error.cost) }
    throw error
  }
}

const whole = (cost: number): string => (cost >= 2 ** 64 ? UINT64_MAX : String(BigInt(cost)))

function environmentOf(
  variables: NonNullable<ExpressionCase['variables']>,
  minor: number | undefined,
  withPatches: boolean,
): { environment: Environment; roots: Record<string, SchemaType> } {
  const types = new SchemaTypes()
  const roots: Record<string, SchemaType> = {}
  const declared: Record<string, Variable> = {}
  for (const [name, { schema }] of Object.entries(variables)) {
    if (name === 'authorizer') declared[name] = { type: authorizerType, adapt: (raw) => raw as Value }
    else if (schema === undefined) declared[name] = { type: { kind: 'dyn' } }
    else declared[name] = roots[name] = types.declare(`Type${name}`, celSchema(structuralOf(schema)))!
  }
  const environment = kubernetesEnvironment(minor).extend({
    provider: types,
    variables: declared,
    ...(withPatches && { libraries: [jsonPatchLibrary] }),
  })
  return { environment, roots }
}

function authorize({ verb }: { readonly verb: string }): { allowed: boolean; reason: string; error?: string } {
  if (verb === 'get') return { allowed: true, reason: 'may get' }
  if (verb === 'boom') return { allowed: false, reason: '', error: 'no answer' }
  return { allowed: false, reason: 'may not' }
}

/** A value with its type, as `shown.go` writes it. */
export function shown(value: Value): unknown {
  if (value === null) return ['null']
  if (typeof value === 'boolean') return ['bool', value]
  if (typeof value === 'number' || typeof value === 'bigint') return ['int', String(value)]
  if (typeof value === 'string') return ['string', value]
  if (value instanceof Uint8Array) return ['bytes', Buffer.from(value).toString('base64')]
  if (value instanceof Uint) return ['uint', String(value.value)]
  if (value instanceof Double) return ['double', Number.isNaN(value.value) ? 'NaN' : bitsOf(value.value)]
  if (value instanceof CelDuration) return ['duration', String(value.nanos)]
  if (value instanceof Timestamp) return ['timestamp', value.toString()]
  if (value instanceof CelList) return ['list', value.toArray().map(shown)]
  if (value instanceof CelMap) return ['map', entries([...value.keys()], (key) => value.get(key)!)]
  if (value instanceof StructValue) return ['map', entries(value.names(), (name) => value.field(name as string)!)]
  if (value instanceof Optional) return value.held === undefined ? ['none'] : ['optional', shown(value.held)]
  if (value instanceof TypeValue) return ['type', value.name]
  return ['opaque', (value as Opaque).typeName]
}

function entries(keys: readonly Value[], read: (key: Value) => Value): unknown[] {
  const all = keys.map((key) => [shown(key), shown(read(key))])
  return all.sort(([a], [b]) => Buffer.compare(Buffer.from(JSON.stringify(a)), Buffer.from(JSON.stringify(b))))
}

function bitsOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0).toString(16)
}
