import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readData, servedDefinitions } from './definitions.ts'

const PACKAGES = join(import.meta.dirname, '../node_modules')
/**
 * Types with the words of the document that a server of 1.36 answers `/openapi/v2` with, line by line, also of fields that are references and with the values of
 * enums. What @kubernetes/client-node keeps of them is on one line, and has none beside a reference.
 */
const MODELS = ['kubernetes-models', '@kubernetes-models/apimachinery']
/** Of a whole object they have no words for `apiVersion` and `kind`; every object has the same. */
const TYPE_META = '@kubernetes/client-node/dist/gen/models/V1ConfigMap.d.ts'
/** Nor for a quantity, whose words have been the same since 1.27. */
const QUANTITY = 'kubernetes-types/api/resource.d.ts'

/** `{ definition: [description, { property: description }] }`; a definition or property that nothing is said of has '' or is missing. */
export function generateDescriptions(): string {
  const models = readModels()
  const common = typeMetaDescriptions()
  const lines: string[] = []
  for (const [name, { gvk, properties = {} }] of servedDefinitions()) {
    const model = models.get(aliasOf(name))
    if (model === undefined) continue
    const said = Object.keys(properties).flatMap((property) => {
      const text = model.properties.get(property) ?? (gvk && common.get(property))
      return text === undefined ? [] : [[property, text]]
    })
    lines.push(`${JSON.stringify(name)}:${JSON.stringify([model.description, Object.fromEntries(said)])}`)
  }
  return `{\n${lines.join(',\n')}\n}\n`
}

type Texts = Readonly<Record<string, readonly [description: string, properties: Readonly<Record<string, string>>]>>

interface Model {
  readonly description: string
  readonly properties: ReadonlyMap<string, string>
}

/** By the name under which a definition is exported from its file. */
function readModels(): ReadonlyMap<string, Model> {
  const models = new Map<string, Model>()
  for (const file of MODELS.flatMap(declarations)) {
    const text = read(file)
    for (const [, type, alias] of text.matchAll(/\b(I\w+) as I(Io\w+)/g)) models.set(alias!, modelOf(text, type!))
  }
  models.set(aliasOf('io.k8s.apimachinery.pkg.api.resource.Quantity'), modelOf(read(QUANTITY), 'Quantity'))
  for (const [name, [description, properties]] of Object.entries(readData<Texts>('trust-bundle-texts.json')))
    models.set(aliasOf(name), { description, properties: new Map(Object.entries(properties)) })
  return models
}

const read = (file: string): string => readFileSync(join(PACKAGES, file), 'utf8')

function declarations(name: string): string[] {
  const files = readdirSync(join(PACKAGES, name), { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.d.ts') && !file.startsWith('_schemas')).map((file) => join(name, file))
}

function modelOf(text: string, type: string): Model {
  const [, comment, body = ''] =
    new RegExp(`(?:/\\*\\*\\n((?: \\*[^\\n]*\\n)+?) \\*/\\n)?export (?:interface|type) ${type}\\b(.*?\\n\\})?`, 's').exec(text) ??
    []
  const properties = [...body.matchAll(/\/\*\*\n((?: {5}\*[^\n]*\n)+?) {5}\*\/\n {4}"([^"]+)"/g)]
  return { description: prose(comment ?? ''), properties: new Map(properties.map(([, lines, name]) => [name!, prose(lines!)])) }
}

/** A comment's text. The package escapes asterisks, and marks what is deprecated a second time. */
const prose = (comment: string): string =>
  comment
    .replaceAll(/^ *\* ?/gm, '')
    .replace(/\n@deprecated\n$/, '')
    .replaceAll(/\\\*(\\\/)?/g, (_, slash) => (slash === undefined ? '*' : '*/'))
    .trimEnd()

function typeMetaDescriptions(): ReadonlyMap<string, string> {
  const found = read(TYPE_META).matchAll(/\/\*\*\n {4}\* ([^\n]*)\n {4}\*\/\n {4}'(apiVersion|kind)'/g)
  return new Map([...found].map(([, description, property]) => [property!, description!]))
}

/** `io.k8s.api.apps.v1.Deployment` → IoK8sApiAppsV1Deployment. */
const aliasOf = (name: string): string =>
  name
    .split(/[.-]/)
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
