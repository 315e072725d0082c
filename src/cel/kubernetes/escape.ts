const RESERVED: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)
const ESCAPES: Readonly<Record<string, string>> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' }

/**
 * The name by which expressions know a property: `x-prop` is `x__dash__prop`, `namespace` is `__namespace__`. undefined for what they
 * cannot name (https://kubernetes.io/docs/reference/using-api/cel/#escaping).
 */
export function escapeName(property: string): string | undefined {
  if (property === '' || /^\d/.test(property) || /[^A-Za-z0-9_.\-/]/.test(property)) return undefined
  if (RESERVED.has(property)) return `__${property}__`
  return property.replaceAll(/__|[-./]/g, (part) => ESCAPES[part]!)
}
