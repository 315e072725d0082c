import type { Json } from './schema-json.ts'

const PRIME = 0x1_0000_0001_b3n
const BASIS = 0xcbf2_9ce4_8422_2325n
/** Clients before 1.27 look for these in operations, to learn what the server can do. */
const LOOKED_FOR = ['fieldValidation', 'dryRun']

/**
 * The parameters that several operations of a Swagger document have, by a name that says what they are; each is defined once and referred to (`pretty-tJGM1-ng`).
 * Whatever tells of one kind alone stays where it is.
 */
export class SharedParameters {
  readonly definitions: Record<string, Json> = {}
  readonly #names = new Map<string, string>()

  /** A reference to a parameter that can be shared, or itself. */
  refer(parameter: Json): Json {
    const { name, in: place, schema } = parameter as { name: string; in: string; schema?: Json }
    if (name === 'name' || (place === 'query' && LOOKED_FOR.includes(name))) return parameter
    if (place === 'body' && !String(schema?.['$ref']).startsWith('#/definitions/io.k8s.apimachinery')) return parameter
    return { $ref: `#/parameters/${this.#nameOf(name, parameter)}` }
  }

  #nameOf(name: string, parameter: Json): string {
    const text = goText(parameter)
    let known = this.#names.get(text)
    if (known === undefined) {
      known = `${name}-${hashOf(text)}`
      this.#names.set(text, known)
      this.definitions[known] = parameter
    }
    return known
  }
}

/** The text that upstream takes the hash of. */
function goText({ name, in: place, description, required, schema, type, uniqueItems }: Json): string {
  const text = JSON.stringify({ uniqueItems, type, description, name, in: place, required, schema })
  return text.replaceAll(/[<>&\u2028\u2029]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Eight letters for the first 48 bits of FNV-1. */
function hashOf(text: string): string {
  let hash = BASIS
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, hash * PRIME) ^ BigInt(byte)
  return Buffer.from(hash.toString(16).padStart(16, '0'), 'hex').subarray(0, 6).toString('base64url')
}
