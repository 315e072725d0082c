import type { Variable } from '../environment.ts'
import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'
import * as types from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { ArrayList, CelList } from '../values/list.ts'
import { CelMap, EntryMap } from '../values/map.ts'
import { Double, Uint } from '../values/number.ts'
import { TypeValue } from '../values/opaque.ts'
import { Optional } from '../values/optional.ts'
import type { Value } from '../values/value.ts'

/** A type of the test data, in protobuf's JSON. */
export interface TypeSpec {
  readonly primitive?: string
  readonly wrapper?: string
  readonly wellKnown?: string
  readonly messageType?: string
  readonly typeParam?: string
  readonly null?: unknown
  readonly dyn?: unknown
  readonly listType?: { readonly elemType: TypeSpec }
  readonly mapType?: { readonly keyType: TypeSpec; readonly valueType: TypeSpec }
  readonly abstractType?: { readonly name: string; readonly parameterTypes?: readonly TypeSpec[] }
}

export interface ValueSpec {
  readonly int64Value?: string
  readonly uint64Value?: string
  readonly doubleValue?: number | string
  readonly stringValue?: string
  readonly bytesValue?: string
  readonly boolValue?: boolean
  readonly nullValue?: null
  readonly listValue?: { readonly values?: readonly ValueSpec[] }
  readonly mapValue?: { readonly entries?: readonly { readonly key: ValueSpec; readonly value: ValueSpec }[] }
  readonly typeValue?: string
}

export interface Case {
  readonly original: {
    readonly name?: string
    readonly expr: string
    readonly container?: string
    readonly disableCheck?: boolean
    readonly checkOnly?: boolean
    readonly typeEnv?: readonly {
      readonly name: string
      readonly ident?: { readonly type: TypeSpec }
      readonly function?: {
        readonly overloads: readonly {
          readonly overloadId: string
          readonly params?: readonly TypeSpec[]
          readonly resultType: TypeSpec
          readonly isInstanceFunction?: boolean
        }[]
      }
    }[]
    readonly bindings?: Readonly<Record<string, { readonly value: ValueSpec }>>
    readonly value?: ValueSpec
    readonly evalError?: unknown
    readonly typedResult?: { readonly result?: ValueSpec; readonly deducedType?: TypeSpec }
  }
  readonly ast?: string
  readonly checkedAst?: string
  readonly type?: string
  readonly error?: string
}

export interface Suite {
  readonly name: string
  readonly suites?: readonly Suite[]
  readonly tests?: readonly Case[]
}

/** Every case with the path of its suite, e.g. `basic/variables`. */
export function* casesOf(suite: Suite, path = ''): Generator<{ path: string; test: Case }> {
  for (const test of suite.tests ?? []) yield { path, test }
  for (const inner of suite.suites ?? []) yield* casesOf(inner, path === '' ? inner.name : `${path}/${inner.name}`)
}

const PRIMITIVES: Readonly<Record<string, Type>> = {
  BOOL: types.bool,
  INT64: types.int,
  UINT64: types.uint,
  DOUBLE: types.double,
  STRING: types.string,
  BYTES: types.bytes,
}
const WELL_KNOWN: Readonly<Record<string, Type>> = { ANY: types.anyType, TIMESTAMP: types.timestamp, DURATION: types.duration }
const MESSAGES: Readonly<Record<string, Type>> = {
  'google.protobuf.Duration': types.duration,
  'google.protobuf.Timestamp': types.timestamp,
}

export function typeOf(spec: TypeSpec): Type {
  if (spec.primitive !== undefined) return PRIMITIVES[spec.primitive]!
  if (spec.wrapper !== undefined) return types.wrapper(PRIMITIVES[spec.wrapper]!)
  if (spec.wellKnown !== undefined) return WELL_KNOWN[spec.wellKnown]!
  if (spec.messageType !== undefined) return MESSAGES[spec.messageType] ?? types.struct(spec.messageType)
  if (spec.typeParam !== undefined) return types.parameter(spec.typeParam)
  if (spec.listType !== undefined) return types.list(typeOf(spec.listType.elemType))
  if (spec.mapType !== undefined) return types.map(typeOf(spec.mapType.keyType), typeOf(spec.mapType.valueType))
  if (spec.abstractType !== undefined)
    return types.opaque(spec.abstractType.name, ...(spec.abstractType.parameterTypes ?? []).map(typeOf))
  return 'null' in spec ? types.nullType : types.dyn
}

export function valueFrom(spec: ValueSpec): Value {
  if (spec.int64Value !== undefined) {
    const value = BigInt(spec.int64Value)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  if (spec.uint64Value !== undefined) return Uint.of(BigInt(spec.uint64Value))
  if (spec.doubleValue !== undefined) return new Double(Number(String(spec.doubleValue)))
  if (spec.stringValue !== undefined) return spec.stringValue
  if (spec.bytesValue !== undefined) return Uint8Array.from(Buffer.from(spec.bytesValue, 'base64'))
  if (spec.boolValue !== undefined) return spec.boolValue
  if (spec.listValue !== undefined) return new ArrayList((spec.listValue.values ?? []).map(valueFrom))
  if (spec.mapValue !== undefined)
    return EntryMap.of((spec.mapValue.entries ?? []).map(({ key, value }) => [valueFrom(key), valueFrom(value)]))
  return spec.typeValue === undefined ? null : new TypeValue(spec.typeValue)
}

/** A form in which values of different types differ, so that `1` is no answer where `1.0` is asked for. */
export function strict(value: Value): unknown {
  if (value instanceof Double) return { double: String(value.value) }
  if (value instanceof Uint) return { uint: String(value.value) }
  if (typeof value === 'bigint' || typeof value === 'number') return { int: String(value) }
  if (value instanceof Uint8Array) return { bytes: [...value] }
  if (value instanceof CelList) return value.toArray().map(strict)
  if (value instanceof CelMap)
    return { map: [...value.keys()].map((key) => JSON.stringify([strict(key), strict(value.get(key)!)])).sort() }
  if (value instanceof TypeValue) return { type: value.name }
  if (value instanceof Optional) return { optional: value.held === undefined ? [] : [strict(value.held)] }
  return typeof value === 'object' && value !== null ? { [value.constructor.name]: String(value) } : value
}

export function declarationsOf({ original }: Case): { variables: Record<string, Variable>; functions: FunctionDeclaration[] } {
  const variables: Record<string, Variable> = {}
  const functions: FunctionDeclaration[] = []
  for (const { name, ident, function: declared } of original.typeEnv ?? []) {
    if (ident !== undefined) variables[name] = { type: typeOf(ident.type) }
    const signatures = (member: boolean) =>
      (declared?.overloads ?? [])
        .filter((overload) => (overload.isInstanceFunction ?? false) === member)
        .map(
          (overload) =>
            [
              overload.overloadId,
              (overload.params ?? []).map(typeOf),
              typeOf(overload.resultType),
              (): Value => fail('unbound'),
            ] as const,
        )
    if (declared !== undefined) functions.push(declare(name, { functions: signatures(false), members: signatures(true) }))
  }
  return { variables, functions }
}
