import { inKeyOrder, invalidValue, type ResourceDefinition } from '#api'
import type { RequestBody } from '#client'
import {
  apiVersionOf,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  failure,
  goValue,
  invalid,
  isObject,
  JsonPatchError,
  JsonPatchMistyped,
  type JsonPatchOperation,
  JsonPatchTooLong,
  jsonTypeOf,
  type KubernetesObject,
  parseApiVersion,
  parseJsonPatch,
  StatusError,
  StrategicPatchError,
  unknownMembers,
} from '#meta'
import type { RequestContext } from '../context.ts'
import { type DecodeOptions, decodeBody, readBody } from '../registry/decode-body.ts'

/** The patches that say what to change; apply, which says what to be, has its own way (./apply.ts). */
export type PatchType = 'json' | 'merge' | 'strategic'

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
}

const APPLY = 'application/apply-patch+yaml'

/** Which kind of patch a content type names; 415 for any other. */
export function patchTypeOf(
  contentType: string | undefined,
  { custom }: Pick<ResourceDefinition, 'custom'> = {},
): PatchType | 'apply' {
  const name = contentType?.split(';', 1).at(0)?.trim() ?? ''
  // Nothing says how the lists of a custom kind are to be merged.
  const types = Object.keys(TYPES).filter((each) => custom === undefined || TYPES[each] !== 'strategic')
  const type = name === APPLY ? 'apply' : types.includes(name) ? TYPES[name] : undefined
  // Built-in kinds have routes, which look at the type before anybody else does.
  if (custom === undefined && !isRouted(contentType, [...types, APPLY]))
    throw failure(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
  if (type === undefined) {
    throw failure(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${[...types, APPLY].join(', ')}`,
    )
  }
  return type
}

const isRouted = (contentType = '', types: readonly string[]): boolean =>
  contentType.split(',').some((each) => types.includes(each.split(';', 1)[0]!.trim()))

/** The document that the patch makes of `current`; checked as a whole afterwards like any update. */
export function applyPatch(type: PatchType, current: KubernetesObject, patch: unknown, resource: ResourceDefinition): unknown {
  try {
    switch (type) {
      case 'json':
        return applyJsonPatch(current, operationsOf(patch))
      case 'merge':
        if (patch === null) throw badRequest('Invalid JSON Patch')
        checkObject(patch)
        return applyMergePatch(current, patch)
      case 'strategic':
        checkObject(patch)
        return applyStrategicMergePatch(current, patch, resource.schema())
    }
  } catch (error) {
    if (error instanceof StatusError) throw error
    if (error instanceof JsonPatchTooLong)
      throw failure(413, 'RequestEntityTooLarge', `Request entity too large: ${error.message}`, undefined, error)
    if (error instanceof JsonPatchError || (error instanceof StrategicPatchError && error.contradictory)) {
      // Upstream says no more; what was wrong is for whoever can see into the server.
      throw failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {}, error)
    }
    if (error instanceof StrategicPatchError) throw badRequest(error.message, error)
    throw badRequest(`${UNREADABLE_PATCH}: ${(error as Error).message}`, error)
  }
}

function checkObject(patch: unknown): void {
  if (!isObject(patch))
    throw new Error(`json: cannot unmarshal ${jsonTypeOf(patch)} into Go value of type map[string]interface {}`)
}

/** What makes no sense as an operation is told as it is, what is none as what can't be read. */
function operationsOf(patch: unknown): JsonPatchOperation[] {
  try {
    return parseJsonPatch(patch)
  } catch (error) {
    if (error instanceof JsonPatchTooLong || error instanceof JsonPatchMistyped) throw error
    throw badRequest((error as Error).message, error)
  }
}

/** What a patch that can't be read is said to be. */
export const UNREADABLE_PATCH = 'error decoding patch'

/** How what a patch made is read: what does not fit is shown as upstream shows it, and refused as an invalid patch (422). */
export function readingOf(
  type: PatchType,
  patch: unknown,
  patched: unknown,
  { custom }: Pick<ResourceDefinition, 'custom'>,
): Pick<DecodeOptions, 'refuse'> {
  return {
    refuse({ message, converted }) {
      // A custom object is a map to upstream.
      const document = (): string => JSON.stringify(custom === undefined ? patched : inKeyOrder(patched))
      const shown = JSON.stringify(type === 'strategic' ? goValue(patch) : document())
      const detail = `Invalid value: ${shown}: ${type === 'strategic' ? converted : message}`
      return invalid({ group: '', kind: '' }, '', [{ field: 'patch', reason: 'FieldValueInvalid', message: detail }])
    },
  }
}

/** What a patch that can't be read says, once it is known that there is something to patch. */
export type PatchBody =
  | { readonly value: unknown; readonly duplicates: readonly string[]; readonly refusal?: undefined }
  | { readonly refusal: StatusError; readonly value?: undefined; readonly duplicates?: undefined }

/** Reads a patch. What is wrong with its text is given back: upstream looks for what is to be patched first, and says that there is none. Throws what is wrong with the body itself. */
export async function readPatch(body: RequestBody | undefined, options: DecodeOptions): Promise<PatchBody> {
  const whole = (await readBody(body)) ?? EMPTY
  try {
    return await decodeBody(whole, options)
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.code !== 400) throw error
    return { refusal: error }
  }
}

const EMPTY: RequestBody = { kind: 'bytes', bytes: new Uint8Array(0) }

/**
 * A patch may say that a custom object is something else, which is found out when the object is judged, and does not matter for a part of it. Throws 422.
 */
export function checkPatchedType(patched: unknown, { resource, info }: Pick<RequestContext, 'resource' | 'info'>): void {
  if (resource.custom === undefined || !isObject(patched)) return
  const { kind, apiVersion } = patched
  if (typeof kind !== 'string' || kind === '' || typeof apiVersion !== 'string' || apiVersion === '') return
  const expected = apiVersionOf(resource)
  if (info.subresource !== '') {
    Object.assign(patched, { kind: resource.kind, apiVersion: expected })
    return
  }
  const problems = [
    ...(kind === resource.kind ? [] : [invalidValue('kind', kind, `must be ${resource.kind}`)]),
    ...(apiVersion === expected ? [] : [invalidValue('apiVersion', apiVersion, `must be ${expected}`)]),
  ]
  if (problems.length > 0) throw invalid({ group: parseApiVersion(apiVersion).group, kind }, info.name, problems)
}

/** Findings about the patch itself, beside what it makes. */
export function patchFindings(type: PatchType, patch: unknown, duplicates: readonly string[]): string[] {
  if (type !== 'json' || !Array.isArray(patch)) return [...duplicates]
  const unknown = [...unknownMembers(patch.filter(isObject) as never)].map((path) => `unknown field ${JSON.stringify(path)}`)
  return [...unknown, ...duplicates].map((finding) => `json patch ${finding}`)
}
