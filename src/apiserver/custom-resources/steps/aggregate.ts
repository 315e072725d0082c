/** Several complaints as one sentence, each said once. */
export function aggregate(messages: readonly string[]): string {
  const said = [...new Set(messages)]
  return said.length === 1 ? said[0]! : `[${said.join(', ')}]`
}
