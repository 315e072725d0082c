import { badRequest, isObject, jsonProblem } from '#meta'
import type { Revision } from '#store'

/** Where the next page of a list begins. */
export interface Continuation {
  /** The snapshot that all pages are of; -1: whatever is current (an inconsistent continue after compaction). */
  readonly revision: Revision
  /** The last key of the page before, within the prefix that is listed. */
  readonly after: string
}

const VERSION = 'meta.k8s.io/v1'
/** Behind a key, the smallest key that follows it. */
const NEXT = '\0'

/** Upstream's form, so that a token outlives a change of server. */
export const encodeContinue = ({ revision, after }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start: after + NEXT })).toString('base64url')

/** 400 for what this server did not write. A token can name no key outside of the prefix that is listed. */
export function decodeContinue(token: string): Continuation {
  const { v, rv, start } = readToken(token)
  if (v !== VERSION) throw invalid(`continue key is not valid: server does not recognize this encoded version ${String(v ?? '')}`)
  if (rv === 0 || rv === undefined) {
    throw invalid('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)')
  }
  if (start === '' || start === undefined) {
    throw invalid('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)')
  }
  const known = typeof rv === 'number' && Number.isSafeInteger(rv) && rv >= -1 && typeof start === 'string'
  if (!known) throw invalid('continue key is not valid')
  const after = start.endsWith(NEXT) ? start.slice(0, -NEXT.length) : start
  if (after.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw invalid(`continue key is not valid: ${start}`)
  }
  if (after === start) throw invalid('continue key is not valid')
  return { revision: rv, after }
}

function readToken(token: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
  try {
    checkBase64(token)
    const bytes = Buffer.from(token, 'base64url')
    const problem = jsonProblem(bytes)
    if (problem !== undefined) throw new Error(problem)
    const value: unknown = JSON.parse(bytes.toString()) ?? {}
    if (isObject(value)) return value
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    throw new Error(`json: cannot unmarshal ${kind} into Go value of type storage.continueToken`)
  } catch (error) {
    throw invalid(`continue key is not valid: ${(error as Error).message}`, error)
  }
}

/** Four characters are three bytes, and one alone is none; ends of lines do not count. */
function checkBase64(token: string): void {
  const stray = token.search(/[^-\w\r\n]/)
  const length = token.length - (token.match(/[\r\n]/g)?.length ?? 0)
  const at = stray >= 0 ? stray : length % 4 === 1 ? token.length - 1 : -1
  if (at >= 0) throw new Error(`illegal base64 data at input byte ${at}`)
}

const invalid = (message: string, cause?: unknown): Error => badRequest(`invalid continue token: ${message}`, cause)
