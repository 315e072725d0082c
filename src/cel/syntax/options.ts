import { type Macro, macroKey } from './macros.ts'

export interface ParseOptions {
  readonly macros: ReadonlyMap<string, Macro>
  /** Whether `a.?b`, `a[?b]`, `[?a]` and `{?a: b}` are part of the language. */
  readonly optionalSyntax: boolean
  /** Whether fields may be written in backquotes: a.`b-c`. */
  readonly quotedFields: boolean
  /** How deep each rule of the grammar may nest. */
  readonly recursionMax: number
}

/** Names that no variable may have. */
export const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)

/** What replaces a call, if anything does. */
export const macroFor = (macros: ReadonlyMap<string, Macro>, name: string, args: number, isMember: boolean): Macro | undefined =>
  macros.get(macroKey(name, args, isMember)) ?? macros.get(macroKey(name, undefined, isMember))
