import { type Fact, META, readData, servedDefinitions, splitName } from './definitions.ts'

/** Hand-written in #meta, because every layer below the kinds needs them. */
const FROM_META = [
  'LabelSelector',
  'LabelSelectorRequirement',
  'ListMeta',
  'ManagedFieldsEntry',
  'ObjectMeta',
  'OwnerReference',
  'Status',
  'StatusCause',
  'StatusDetails',
]

/** Definitions that are scalars, wrappers or open JSON. */
const SCALARS: Readonly<Record<string, string>> = {
  [`${META}Time`]: 'string',
  [`${META}MicroTime`]: 'string',
  [`${META}FieldsV1`]: 'Record<string, unknown>',
  [`${META}Patch`]: 'unknown',
  'io.k8s.apimachinery.pkg.api.resource.Quantity': 'string',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 'number | string',
  'io.k8s.apimachinery.pkg.runtime.RawExtension': 'unknown',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': 'unknown',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceStatus': 'Record<string, never>',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': 'unknown',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': 'unknown',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': 'unknown',
}

/** One flat file of interfaces. A name that two groups use stays with the first; the later one gets its group in front. */
export function generateTypes(): string {
  const definitions = servedDefinitions()
  const names = assignNames([...definitions.keys()])
  const lines = [
    '// Made by tools/generate.ts from tools/data; do not edit.',
    `import type { ${FROM_META.join(', ')} } from '#meta'`,
    '',
    `export type { ${FROM_META.join(', ')} }`,
    '',
  ]
  for (const [name, fact] of definitions) {
    if (name in SCALARS || (name.startsWith(META) && FROM_META.includes(splitName(name).kind))) continue
    lines.push(`export interface ${names.get(name)} {`)
    for (const [property, value] of Object.entries(fact.properties ?? {})) {
      const required = fact.required?.includes(property) ? '' : '?'
      lines.push(`  ${/^[A-Za-z_]\w*$/.test(property) ? property : JSON.stringify(property)}${required}: ${typeOf(value, names)}`)
    }
    lines.push('}', '')
  }
  return lines.join('\n')
}

function typeOf(fact: Fact, names: ReadonlyMap<string, string>): string {
  if (fact.$ref !== undefined) return SCALARS[fact.$ref] ?? names.get(fact.$ref) ?? 'unknown'
  if (fact.format === 'int-or-string') return 'number | string'
  switch (fact.type) {
    case 'array': {
      const item = typeOf(fact.items!, names)
      return item.includes(' ') ? `(${item})[]` : `${item}[]`
    }
    case 'object':
      return fact.additionalProperties ? `Record<string, ${typeOf(fact.additionalProperties, names)}>` : 'Record<string, unknown>'
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'string':
      return 'string'
    default:
      return 'unknown'
  }
}

const STAGES = [undefined, 'beta', 'alpha']

function assignNames(definitions: readonly string[]): Map<string, string> {
  const order = readData<{ groups: { group: string; versions: string[] }[] }>('resources.json').groups.map(
    ({ group }) => group.split('.')[0] || 'core',
  )
  const rank = (name: string): number => {
    const { group, version } = splitName(name)
    const index = order.indexOf(group)
    // Of two versions of one group the newer keeps the plain name.
    const [, major = '0', stage] = /^v(\d+)(alpha|beta)?/.exec(version) ?? []
    return (index === -1 ? order.length : index) * 10 - Number(major) + STAGES.indexOf(stage) / STAGES.length
  }
  const owner = new Map<string, string>()
  const names = new Map<string, string>()
  for (const name of [...definitions].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))) {
    const { group, version, kind } = splitName(name)
    const holder = owner.get(kind)
    const sameGroup = holder !== undefined && splitName(holder).group === group
    const unique = holder === undefined ? kind : sameGroup ? `${kind}${version.toUpperCase()}` : `${capitalised(group)}${kind}`
    if (holder === undefined) owner.set(kind, name)
    names.set(name, unique)
  }
  return names
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
