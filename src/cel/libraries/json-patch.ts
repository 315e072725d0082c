import { declare } from '../types/declarations.ts'
import { string } from '../types/type.ts'
import type { Library } from './library.ts'

/** `jsonpatch.escapeKey`, for paths in mutating admission policies. */
export const jsonPatchLibrary: Library = {
  name: 'kubernetes.jsonpatch',
  functions: [
    declare('jsonpatch.escapeKey', {
      functions: [
        [
          'string_jsonpatch_escapeKey_string',
          [string],
          string,
          (key) => (key as string).replaceAll('~', '~0').replaceAll('/', '~1'),
        ],
      ],
    }),
  ],
}
