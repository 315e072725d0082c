/** The values of options by the names of their flags, as Go prints a flag's value: what `/flagz` tells. */
export function flagTexts(
  options: Readonly<Record<string, unknown>>,
  known: Iterable<readonly [name: string, flag: string]>,
): Record<string, string> {
  const flags = new Map(known)
  const names = new Set([...flags.keys(), ...Object.keys(options)])
  return Object.fromEntries(
    [...names]
      .map((name): [string, string] => [flags.get(name) ?? kebab(name), textOf(options[name])])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** `auditPolicyFile` is --audit-policy-file. */
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function textOf(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`
  if (value instanceof Map) return pairs([...value])
  return typeof value === 'object' && value !== null ? pairs(Object.entries(value)) : String(value)
}

const pairs = (entries: readonly (readonly [unknown, unknown])[]): string =>
  entries
    .map(([key, value]) => `${String(key)}=${textOf(value)}`)
    .sort()
    .join(',')
