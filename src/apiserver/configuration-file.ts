import { conform, decodeText, type FieldError, isObject, type Schema, StructureError } from '#meta'

export interface ConfigurationKind {
  readonly kind: string
  /** Those that are read, the usual one first. */
  readonly versions: readonly string[]
  /** Versions in which it had another name. */
  readonly formerly?: readonly (readonly [apiVersion: string, kind: string])[]
  readonly schema: Schema
}

/**
 * Reads a configuration file of the server (YAML or JSON). Unknown and doubled fields are what `lenient` is told of, if it is given, and refused otherwise. Throws an
 * Error in upstream's words.
 */
export async function decodeConfiguration(
  bytes: Uint8Array,
  { kind, versions, formerly = [], schema }: ConfigurationKind,
  lenient?: (problem: string) => void,
): Promise<unknown> {
  const { value, duplicates } = await decodeText(bytes, 'yaml')
  const { apiVersion, kind: found } = isObject(value) ? value : {}
  if (typeof found !== 'string' || found === '') throw new Error(`Object 'Kind' is missing in ${JSON.stringify(value)}`)
  const isCurrent = found === kind && versions.includes(String(apiVersion))
  if (!isCurrent && !formerly.some((former) => former[0] === apiVersion && former[1] === found))
    throw new Error(`no kind ${JSON.stringify(found)} is registered for version ${JSON.stringify(apiVersion ?? '')}`)
  try {
    const structure = conform(value, schema)
    const problems = [...structure.unknown.map((path) => `unknown field ${JSON.stringify(path)}`), ...duplicates()]
    const refused = `strict decoding error: ${problems.join(', ')}`
    if (problems.length > 0 && lenient === undefined) throw new Error(refused)
    if (problems.length > 0) lenient?.(refused)
    return structure.value
  } catch (error) {
    if (error instanceof StructureError) throw new Error(error.message, { cause: error })
    throw error
  }
}

/** Throws all findings as one Error, as upstream prints them. */
export function refuseConfiguration(findings: Iterable<FieldError>): void {
  const messages = [...findings].map(({ field, message }) => `${field}: ${message}`)
  if (messages.length > 0) throw new Error(messages.length === 1 ? messages[0] : `[${messages.join(', ')}]`)
}

/** Shapes of configuration files, for their schemas. */
export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
export const integer: Schema = { type: 'integer' }
export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const objectOf = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: 'object', properties })
