/** The static types of CEL. `error` stands for what could not be typed, so that one mistake is reported once. */
export type Type =
  | { readonly kind: PrimitiveKind | 'null' | 'dyn' | 'any' | 'timestamp' | 'duration' | 'error' }
  | { readonly kind: 'wrapper'; readonly of: Type }
  | { readonly kind: 'list'; readonly element: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type }
  /** An object with declared fields; a {@link TypeProvider} knows them by the name. */
  | { readonly kind: 'struct'; readonly name: string }
  /** A type with operations only, such as `kubernetes.Quantity` or `optional_type(T)`. */
  | { readonly kind: 'opaque'; readonly name: string; readonly parameters: readonly Type[] }
  /** The type of a type. */
  | { readonly kind: 'type'; readonly of: Type | undefined }
  | { readonly kind: 'parameter'; readonly name: string }

export type PrimitiveKind = 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes'

export const bool: Type = { kind: 'bool' }
export const int: Type = { kind: 'int' }
export const uint: Type = { kind: 'uint' }
export const double: Type = { kind: 'double' }
export const string: Type = { kind: 'string' }
export const bytes: Type = { kind: 'bytes' }
export const nullType: Type = { kind: 'null' }
export const dyn: Type = { kind: 'dyn' }
export const anyType: Type = { kind: 'any' }
export const timestamp: Type = { kind: 'timestamp' }
export const duration: Type = { kind: 'duration' }
export const errorType: Type = { kind: 'error' }
export const list = (element: Type): Type => ({ kind: 'list', element })
export const map = (key: Type, value: Type): Type => ({ kind: 'map', key, value })
export const struct = (name: string): Type & { kind: 'struct' } => ({ kind: 'struct', name })
export const opaque = (name: string, ...parameters: Type[]): Type => ({ kind: 'opaque', name, parameters })
export const optional = (of: Type): Type => opaque('optional_type', of)
export const wrapper = (of: Type): Type => ({ kind: 'wrapper', of })
export const typeOf = (of?: Type): Type => ({ kind: 'type', of })
export const parameter = (name: string): Type => ({ kind: 'parameter', name })

export const isDyn = ({ kind }: Type): boolean => kind === 'dyn' || kind === 'any'
export const isDynOrError = (type: Type): boolean => isDyn(type) || type.kind === 'error'
export const optionalOf = (type: Type): Type | undefined =>
  type.kind === 'opaque' && type.name === 'optional_type' ? type.parameters[0] : undefined

/** The types inside of a type. */
export function innerTypes(type: Type): readonly Type[] {
  switch (type.kind) {
    case 'list':
      return [type.element]
    case 'map':
      return [type.key, type.value]
    case 'opaque':
      return type.parameters
    case 'type':
      return type.of === undefined ? [] : [type.of]
    default:
      return []
  }
}

/** The same type around other inner types, in the order of {@link innerTypes}. */
export function withInner(type: Type, inner: readonly Type[]): Type {
  switch (type.kind) {
    case 'list':
      return list(inner[0]!)
    case 'map':
      return map(inner[0]!, inner[1]!)
    case 'opaque':
      return inner.length === 0 ? type : opaque(type.name, ...inner)
    case 'type':
      return inner.length === 0 ? type : typeOf(inner[0])
    default:
      return type
  }
}

export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true
  if (a.kind !== b.kind || nameOf(a) !== nameOf(b)) return false
  if (a.kind === 'wrapper' && b.kind === 'wrapper') return sameType(a.of, b.of)
  const left = innerTypes(a)
  const right = innerTypes(b)
  return left.length === right.length && left.every((type, at) => sameType(type, right[at]!))
}

export const nameOf = (type: Type): string | undefined =>
  type.kind === 'struct' || type.kind === 'opaque' || type.kind === 'parameter' ? type.name : undefined

/** As messages print it: `map(string, list(int))`. */
export function formatType(type: Type): string {
  switch (type.kind) {
    case 'error':
      return '!error!'
    case 'wrapper':
      return `wrapper(${formatType(type.of)})`
    case 'struct':
    case 'parameter':
      return type.name
    case 'type':
      return type.of === undefined ? 'type' : `type(${formatType(type.of)})`
    case 'opaque':
    case 'list':
    case 'map': {
      const inner = innerTypes(type).map(formatType)
      const name = type.kind === 'opaque' ? type.name : type.kind
      return inner.length === 0 ? name : `${name}(${inner.join(', ')})`
    }
    default:
      return type.kind
  }
}

/** `(int, string)` for a function, `list(int).(string)` for a method. */
export function formatSignature(args: readonly Type[], member: boolean): string {
  const [target, ...rest] = args.map(formatType)
  return member ? `${target}.(${rest.join(', ')})` : `(${args.map(formatType).join(', ')})`
}

/** The name of a type as a value: `type(1)` is `int`. */
export function typeValueName(type: Type): string {
  switch (type.kind) {
    case 'null':
      return 'null_type'
    case 'timestamp':
      return 'google.protobuf.Timestamp'
    case 'duration':
      return 'google.protobuf.Duration'
    case 'any':
      return 'google.protobuf.Any'
    default:
      return nameOf(type) ?? type.kind
  }
}
