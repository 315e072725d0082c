import type { ResourceDefinition } from '#api'
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  badRequest,
  failure,
  isObject,
  JsonPatchError,
  type KubernetesObject,
  parseJsonPatch,
} from '#meta'

/** The patches that say what to change; apply, which says what to be, has its own way (./apply.ts). */
export type PatchType = 'json' | 'merge' | 'strategic'

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
}

const APPLY = 'application/apply-patch+yaml'

/** Which kind of patch a content type names; 415 for any other. */
export function patchTypeOf(contentType: string | undefined): PatchType | 'apply' {
  const name = contentType?.split(';', 1).at(0)?.trim().toLowerCase() ?? ''
  const type = name === APPLY ? 'apply' : TYPES[name]
  if (type === undefined) {
    throw failure(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${[...Object.keys(TYPES), APPLY].join(', ')}`,
    )
  }
  return type
}

/** The document that the patch makes of `current`; checked as a whole afterwards like any update. */
export function applyPatch(type: PatchType, current: KubernetesObject, patch: unknown, resource: ResourceDefinition): unknown {
  try {
    switch (type) {
      case 'json':
        return applyJsonPatch(current, parseJsonPatch(patch))
      case 'merge':
        if (!isObject(patch)) throw new Error('json: cannot unmarshal into Go value of type map[string]interface {}')
        return applyMergePatch(current, patch)
      case 'strategic':
        if (!isObject(patch)) throw new Error('json: cannot unmarshal into Go value of type map[string]interface {}')
        return applyStrategicMergePatch(current, patch, resource.schema())
    }
  } catch (error) {
    if (error instanceof JsonPatchError) {
      throw failure(
        422,
        'Invalid',
        `the server rejected our request due to an error in our request: ${error.message}`,
        { kind: resource.names.plural, causes: [{ message: error.message }] },
        error,
      )
    }
    throw badRequest(`error decoding patch: ${(error as Error).message}`, error)
  }
}
