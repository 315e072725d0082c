import { seededRandom } from '#base'
import { type Fact, type FieldShape, factsOf } from './reference.ts'

/** Structures deeper than this have only what they must have. */
const DEPTH_MAX = 7

/** A random object of a message in the one JSON form that upstream would print for it. */
export function randomMessage(message: string, seed: number): Record<string, unknown> {
  const random = seededRandom(seed)
  const below = (bound: number): number => Math.floor(random.float() * bound)
  const one = <T>(...options: readonly T[]): T => options[below(options.length)]!

  function object(name: string, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    const chance = 1 / (depth + 1) + 0.1
    for (const fact of factsOf(name)) {
      if (fact.inline) {
        Object.assign(result, object(fact.type, depth))
        continue
      }
      const mustBe = fact.always && !(fact.scalar && fact.omitsZero) && !isTime(fact.type)
      if (!mustBe && (depth > DEPTH_MAX || random.float() > chance)) continue
      result[fact.name] = value(fact, depth)
    }
    return result
  }

  function value(fact: Fact, depth: number): unknown {
    const length = 1 + below(2)
    if (fact.map !== undefined) {
      const inner = fact.map
      return Object.fromEntries(Array.from({ length }, () => [text(), single(inner, depth)]))
    }
    return fact.repeated ? Array.from({ length }, () => single(fact, depth)) : single(fact, depth)
  }

  function single({ type, omitsZero }: FieldShape & { readonly omitsZero?: boolean }, depth: number): unknown {
    switch (type) {
      case 'string':
        return omitsZero ? text() : one('', text())
      case 'bytes':
        return Buffer.from(text()).toString('base64')
      case 'bool':
        return omitsZero ? true : one(true, false)
      case 'double':
        return one(0.5, -1e9, 3)
      case 'int32':
        return omitsZero ? one(1, -1, 2 ** 31 - 1, -(2 ** 31)) : one(0, 127, 128, -5)
      case 'int64':
        return omitsZero ? one(1, -1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER) : one(0, 2 ** 33, -300)
      default:
        return special(type.split('.').at(-1)!, depth) ?? object(type, depth + 1)
    }
  }

  function special(name: string, depth: number): unknown {
    switch (name) {
      case 'Time':
        return one('2026-11-26T21:00:00Z', '1969-12-31T23:59:59Z', '1970-01-01T00:00:00Z')
      case 'MicroTime':
        return one('2026-11-26T21:00:00.000001Z', '2026-11-26T21:00:00.999999Z', '1970-01-01T00:00:00.000000Z')
      case 'Quantity':
        return one('0', '1500m', '64Mi', '-3')
      case 'IntOrString':
        return one<number | string>('50%', 8080, -1, 0, '')
      case 'FieldsV1':
      case 'RawExtension':
        return one<unknown>({ 'f:a': {}, '10': [null, 'ü'] }, [1], 'text')
      case 'JSON':
        return one<unknown>({ a: null }, 0, 'text', [])
      case 'ExtraValue':
      case 'Verbs':
        return one([], ['a'], ['a', 'b'])
      case 'JSONSchemaPropsOrBool':
        return one<unknown>(true, false, object(schemaOf(), depth + 1))
      case 'JSONSchemaPropsOrArray':
        return one<unknown>([object(schemaOf(), depth + 1)], object(schemaOf(), depth + 1))
      case 'JSONSchemaPropsOrStringArray':
        return one<unknown>(['a'], object(schemaOf(), depth + 1))
      default:
        return undefined
    }
  }

  const schemaOf = (): string => 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps'
  const text = (): string => one('a', 'ü', '\u{1f600}', 'x'.repeat(60), `${'ß'.repeat(70)}`, 'example.com/name', `k${below(100)}`)
  return object(message, 0)
}

const isTime = (type: string): boolean => type.endsWith('.v1.Time') || type.endsWith('.v1.MicroTime')
