/**
 * `kubectl explain` by several versions, of what is served, against the published tables. With T8S_EXPLAIN=all every program explains every type that kinds are
 * made of (three minutes); otherwise the fields of every kind are asked for once, and everything else for a kind of each group.
 */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { promisify } from 'node:util'
import { allResources, describe, type ResourceDefinition } from '#api'
import { type Cluster, startCluster } from '#cluster'
import { Home } from '../behavior/home.ts'

const run = promisify(execFile)
const EVERYTHING = process.env['T8S_EXPLAIN'] === 'all'

interface Program {
  readonly path: string
  readonly flags?: readonly string[]
  /** Whether the names of types are told (OpenAPI v3), or only that something is an object. */
  readonly namesTypes?: boolean
}

const OLD = join(import.meta.dirname, '../../node_modules/.cache/t8s/kubernetes-client/usr/bin/kubectl')
const PROGRAMS: Readonly<Record<string, Program>> = {
  ...(readsV3('kubectl') && {
    'kubectl with OpenAPI v3': { path: 'kubectl', namesTypes: true },
    'kubectl with OpenAPI v2': { path: 'kubectl', flags: ['--output=plaintext-openapiv2'] },
  }),
  ...(existsSync(OLD) && { 'kubectl 1.20': { path: OLD } }),
}

/** From 1.27 on. */
function readsV3(path: string): boolean {
  const told = execFileSync(path, ['version', '--client', '--output=json'], { encoding: 'utf8' })
  const { clientVersion } = JSON.parse(told) as { readonly clientVersion: { readonly gitVersion: string } }
  return Number(clientVersion.gitVersion.split('.')[1]) >= 27
}

interface Fact {
  readonly $ref?: string
  readonly type?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Fact>>
  readonly items?: Fact
  readonly additionalProperties?: Fact
}

const DATA = join(import.meta.dirname, '../../tools/data/openapi-extensions.json')
const facts = JSON.parse(readFileSync(DATA, 'utf8')) as Readonly<Record<string, Fact>>

/** The definition that a field holds one or several of. */
function definitionOf(fact: Fact): string | undefined {
  const inner = fact.items ?? fact.additionalProperties
  return inner === undefined ? fact.$ref : definitionOf(inner)
}

const propertiesOf = (name: string | undefined): Readonly<Record<string, Fact>> => facts[name ?? '']?.properties ?? {}

/** What OpenAPI v3 lets kubectl say of a type; undefined for open JSON and the like. */
function typeOf(fact: Fact): string | undefined {
  if (fact.items !== undefined) return prefixed('[]', typeOf(fact.items))
  if (fact.additionalProperties !== undefined) return prefixed('map[string]', typeOf(fact.additionalProperties))
  if (fact.$ref === undefined) return fact.type
  const target = facts[fact.$ref]!
  return target.properties === undefined ? undefined : fact.$ref.split('.').at(-1)
}

const prefixed = (prefix: string, type: string | undefined): string | undefined => type && `${prefix}${type}`

let cluster: Cluster
let home: Home

before(async () => {
  cluster = await startCluster({ nodes: 0 })
  home = new Home(cluster)
})
after(async () => {
  home[Symbol.dispose]()
  await cluster[Symbol.asyncDispose]()
})

/** Kinds that objects are made of, by their definitions. */
const kinds = new Map(
  allResources.map((resource) => [resource.schema().name!, resource] as const).filter(([, { verbs }]) => verbs.includes('get')),
)

async function explain(
  { path, flags = [] }: Program,
  resource: ResourceDefinition,
  below: string,
  ...more: string[]
): Promise<string> {
  const version = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
  const words = ['explain', `${resource.names.singular}${below}`, `--api-version=${version}`, ...flags, ...more]
  return (await run(path, words, { env: home.environment, maxBuffer: 2 ** 24 })).stdout
}

/** Two at a time, as the machine has two cores. */
async function forAll<T>(items: Iterable<T>, body: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items].values()
  const work = async (): Promise<void> => {
    for (const item of rest) await body(item)
  }
  await Promise.all([work(), work()])
}

const FIELD = /^( +)(\S+)\t<(.*)>( -required-)?$/

interface Line {
  readonly name: string
  readonly type: string
  readonly required: boolean
  readonly children: Line[]
}

function treeOf(output: string): Line[] {
  const root: Line = { name: '', type: '', required: false, children: [] }
  const open = [{ indent: 0, line: root }]
  for (const text of output.split('\n')) {
    const [, spaces, name, type, required] = FIELD.exec(text) ?? []
    if (spaces === undefined) continue
    while (open.at(-1)!.indent >= spaces.length) open.pop()
    const line: Line = { name: name!, type: type!, required: required !== undefined, children: [] }
    open.at(-1)!.line.children.push(line)
    open.push({ indent: spaces.length, line })
  }
  return root.children
}

/** Compares a tree with the tables; below a type that contains itself there is nothing. */
function assertTree(lines: readonly Line[], name: string, within: readonly string[], program: Program): void {
  const properties = propertiesOf(name)
  const place = [...within, name].join(' > ')
  assert.deepEqual(lines.map((line) => line.name).sort(), Object.keys(properties).sort(), place)
  for (const line of lines) {
    const fact = properties[line.name]!
    const type = typeOf(fact)
    if (program.namesTypes) {
      if (type !== undefined) assert.equal(line.type, type, `${place} ${line.name}`)
      assert.equal(line.required, facts[name]!.required?.includes(line.name) ?? false, `${place} ${line.name}`)
    }
    const inner = definitionOf(fact)
    const repeats = inner !== undefined && (inner === name || within.includes(inner))
    if (inner !== undefined && !repeats && facts[inner]!.properties) assertTree(line.children, inner, [...within, name], program)
    else assert.deepEqual(line.children, [], `${place} ${line.name}`)
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

/** What is said of each field at the top of an explanation, on one line. */
function wordsOf(output: string): Map<string, string> {
  const said = new Map<string, string[]>()
  let current: string[] = []
  for (const text of output.slice(output.indexOf('\nFIELDS:\n')).split('\n')) {
    const [, , name] = FIELD.exec(text) ?? []
    if (name !== undefined) said.set(name, (current = []))
    else if (!/^ +enum: /.test(text)) current.push(text)
  }
  return new Map([...said].map(([name, lines]) => [name, oneLine(lines.join(' '))]))
}

async function assertWords(program: Program, resource: ResourceDefinition, path: string, name: string): Promise<void> {
  const output = await explain(program, resource, path)
  const told = wordsOf(output)
  const place = `${resource.kind}${path} (${name})`
  assert.deepEqual([...told.keys()].sort(), Object.keys(propertiesOf(name)).sort(), place)
  const nothing = program.namesTypes ? '<no description>' : ''
  for (const [field, words] of told) assert.equal(words, oneLine(describe(name, field)) || nothing, `${place} ${field}`)
  const own = oneLine(describe(name))
  assert.ok(oneLine(output.slice(0, output.indexOf('\nFIELDS:\n'))).endsWith(own), `${place}: ${own}`)
}

interface Place {
  readonly resource: ResourceDefinition
  readonly path: string
  readonly name: string
}

/** Each type once, at the first place where a kind holds it. */
function placesOfTypes(): Place[] {
  const places = new Map<string, Place>([...kinds].map(([name, resource]) => [name, { resource, path: '', name }]))
  for (const { resource, path, name } of places.values()) {
    for (const [field, fact] of Object.entries(propertiesOf(name))) {
      const inner = definitionOf(fact)
      if (inner === undefined || places.has(inner) || facts[inner]!.properties === undefined) continue
      places.set(inner, { resource, path: `${path}.${field}`, name: inner })
    }
  }
  return [...places.values()]
}

const oneOfEachGroup = new Map([...kinds].map((each) => [each[1].group, each])).values()
const some = new Map(oneOfEachGroup)

for (const [title, program] of Object.entries(PROGRAMS)) {
  const explained = program.namesTypes || EVERYTHING ? kinds : some
  test(`${title} explains all fields of kinds (${explained.size})`, () =>
    forAll(explained, async ([name, resource]) => {
      const tree = treeOf(await explain(program, resource, '', '--recursive'))
      assertTree(tree, name, [], program)
    }))

  const places = placesOfTypes().filter(({ path, name }) => EVERYTHING || (path === '' && some.has(name)))
  test(`${title} says of every field what is published (types: ${places.length})`, () =>
    forAll(places, ({ resource, path, name }) => assertWords(program, resource, path, name)))
}
