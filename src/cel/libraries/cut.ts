/** What stands before and behind the first `by`; nothing is behind where there is none. */
export function cut(text: string, by: string): readonly [before: string, behind: string | undefined] {
  const at = text.indexOf(by)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + by.length)]
}
