import { declare } from '../types/declarations.ts'
import { int, list, string } from '../types/type.ts'
import { Failure, fail } from '../values/failure.ts'
import { ArrayList } from '../values/list.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'
import { regex } from './regex.ts'

/** Unlike `matches`, these name what is wrong with a pattern their own way. */
function compile(pattern: Value): ReturnType<typeof regex> {
  try {
    return regex(pattern as string)
  } catch (error) {
    return error instanceof Failure ? fail(`Illegal regex: ${error.message}`) : raise(error)
  }
}

function raise(error: unknown): never {
  throw error
}

function find(text: Value, pattern: Value): string {
  const matcher = compile(pattern).matcher(text as string)
  return matcher.find() ? matcher.group()! : ''
}

/** All matches, no more than `limit` unless it is negative. As in Go, an empty match beside the match before it does not count. */
function findAll(text: Value, pattern: Value, limit = -1): ArrayList {
  const matcher = compile(pattern).matcher(text as string)
  const found: Value[] = []
  let end = -1
  while (found.length !== limit && matcher.find()) {
    if (matcher.start() === matcher.end() && matcher.start() === end) continue
    end = matcher.end()
    found.push(matcher.group()!)
  }
  return new ArrayList(found)
}

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-regex-library */
export const findLibrary: Library = {
  name: 'kubernetes.regex',
  functions: [
    declare('find', { members: [['string_find_string', [string, string], string, find]] }),
    declare('findAll', {
      members: [
        ['string_find_all_string', [string, string], list(string), (text, pattern) => findAll(text, pattern)],
        [
          'string_find_all_string_int',
          [string, string, int],
          list(string),
          (text, pattern, limit) => findAll(text, pattern, Number(limit)),
        ],
      ],
    }),
  ],
}
