/** One change of a file of ours, by its path from the root. */
export interface Edit {
  readonly file: string
  /** Stands there once, or is a line of a list, which comes after the imports. */
  readonly from: string
  readonly to: string
}

/** The text with the change in it; a change that no longer fits is an error, so that a mutant is never the product itself. */
export function edited(text: string, { file, from, to }: Edit): string {
  const at = text.lastIndexOf(from)
  if (at === -1) throw new Error(`${file} does not hold: ${from}`)
  if (!isEntry(from) && text.indexOf(from) !== at) throw new Error(`${file} holds twice: ${from}`)
  return text.slice(0, at) + to + text.slice(at + from.length)
}

const isEntry = (from: string): boolean => /^\n {2}\S+,\n$/.test(from)

/** Takes a line out of a list. */
export const withoutEntry = (file: string, name: string): Edit => ({ file, from: `\n  ${name},\n`, to: '\n' })
