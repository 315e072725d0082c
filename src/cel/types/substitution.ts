import { dyn, innerTypes, isDyn, isDynOrError, nameOf, sameType, type Type, withInner } from './type.ts'

/**
 * What type parameters stand for so far. Upstream's rules of assignability, which are wider than a plain unification: dyn agrees with everything,
 * wrappers with null and what they wrap, and a parameter may widen when a later argument is more general.
 */
export class Substitution {
  private bindings: ReadonlyMap<string, Type>

  constructor(bindings: ReadonlyMap<string, Type> = new Map()) {
    this.bindings = bindings
  }

  /** Whether a value of `from` can be used as `to`; remembers what parameters came to mean only when all agree. */
  assign(from: readonly Type[], to: readonly Type[]): boolean {
    const before = this.bindings
    if (from.length === to.length && from.every((type, at) => this.assignable(type, to[at]!))) return true
    this.bindings = before
    return false
  }

  /** With every bound parameter replaced; free ones become dyn when `free` says so. */
  apply(type: Type, free: 'keep' | 'dyn'): Type {
    if (type.kind === 'parameter') {
      const bound = this.bindings.get(type.name)
      if (bound !== undefined) return this.apply(bound, free)
      return free === 'dyn' ? dyn : type
    }
    const inner = innerTypes(type)
    return inner.length === 0
      ? type
      : withInner(
          type,
          inner.map((each) => this.apply(each, free)),
        )
  }

  private assignable(a: Type, b: Type): boolean {
    if (b.kind === 'parameter') {
      const { valid, bound } = this.bind(a, b)
      if (valid || bound) return valid
    }
    if (a.kind === 'parameter') return this.bind(b, a).valid
    if (isDynOrError(a) || isDynOrError(b)) return true
    if (a.kind === 'null' || b.kind === 'null') return nullable(a) && nullable(b)
    if (a.kind === 'wrapper' || b.kind === 'wrapper') return unwrapped(a).kind === unwrapped(b).kind
    if (a.kind !== b.kind) return false
    if (a.kind === 'type') return true
    if (nameOf(a) !== nameOf(b)) return false
    const right = innerTypes(b)
    const left = innerTypes(a)
    return left.length === right.length && left.every((type, at) => this.assignable(type, right[at]!))
  }

  /** Tries to let `parameter` stand for `type`; `bound` says whether it already stood for something. */
  private bind(type: Type, parameter: Type & { kind: 'parameter' }): { valid: boolean; bound: boolean } {
    if (sameType(type, parameter)) return { valid: true, bound: true }
    const known = this.bindings.get(parameter.name)
    if (known === undefined) {
      if (this.mentions(type, parameter.name)) return { valid: false, bound: false }
      this.set(parameter.name, type)
      return { valid: true, bound: false }
    }
    if (sameType(type, known)) return { valid: true, bound: true }
    if (!this.assignable(type, known)) return { valid: false, bound: true }
    const general = mostGeneral(type, known)
    if (!this.mentions(general, parameter.name)) this.set(parameter.name, general)
    return { valid: true, bound: true }
  }

  private set(name: string, type: Type): void {
    this.bindings = new Map(this.bindings).set(name, type)
  }

  private mentions(type: Type, name: string): boolean {
    if (type.kind === 'parameter') {
      if (type.name === name) return true
      const bound = this.bindings.get(type.name)
      return bound !== undefined && this.mentions(bound, name)
    }
    return innerTypes(type).some((each) => this.mentions(each, name))
  }
}

const NULLABLE: ReadonlySet<Type['kind']> = new Set(['null', 'struct', 'opaque', 'wrapper', 'timestamp', 'duration', 'any'])
const nullable = ({ kind }: Type): boolean => NULLABLE.has(kind)
const unwrapped = (type: Type): Type => (type.kind === 'wrapper' ? type.of : type)

export const mostGeneral = (a: Type, b: Type): Type => (isEqualOrLessSpecific(a, b) ? a : b)

function isEqualOrLessSpecific(a: Type, b: Type): boolean {
  if (isDyn(a) || a.kind === 'parameter') return true
  if (isDyn(b) || b.kind === 'parameter') return false
  if (a.kind === 'wrapper') return unwrapped(b).kind === a.of.kind
  if (a.kind !== b.kind || nameOf(a) !== nameOf(b)) return false
  const right = innerTypes(b)
  return innerTypes(a).every((type, at) => isEqualOrLessSpecific(type, right[at]!))
}
