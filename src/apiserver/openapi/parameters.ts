import { type QueryParameter, queryParametersOf, type ResourceDefinition, type Verb } from '#api'

/** What a client puts into the path or behind the question mark of a URL. */
export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly type: string
  readonly description: string
}

export type DocumentedVerb = Exclude<Verb, 'watch'>

const PRETTY: QueryParameter = [
  'pretty',
  'string',
  "If 'true', then the output is pretty printed. Defaults to 'false' unless the user-agent indicates a browser or command-line HTTP tool (curl and wget).",
]

/** Types of options by verb; a get of a built-in kind is told of none. */
const OPTIONS: Readonly<Record<DocumentedVerb, readonly string[]>> = {
  get: [],
  list: ['ListOptions'],
  create: ['CreateOptions'],
  update: ['UpdateOptions'],
  patch: ['PatchOptions'],
  delete: ['DeleteOptions'],
  deletecollection: ['DeleteOptions', 'ListOptions'],
}
const CUSTOM_OPTIONS = { ...OPTIONS, get: ['GetOptions'], deletecollection: ['ListOptions'] }
/** Parameters of a list that a deletion of what it would list does not take. */
const OF_WATCHES = ['watch', 'allowWatchBookmarks']

/** The query parameters of a verb. */
export function parametersOf(verb: DocumentedVerb, { custom }: Pick<ResourceDefinition, 'custom'>): Parameter[] {
  const options = custom === undefined ? OPTIONS : CUSTOM_OPTIONS
  const all = [PRETTY, ...options[verb].flatMap(queryParametersOf)]
  const deletes = verb === 'deletecollection' && custom === undefined
  return all.filter(([name]) => !deletes || !OF_WATCHES.includes(name)).map(toQuery)
}

/** Those that a type of options has, as a subresource takes them. */
export const optionsOf = (options: string): Parameter[] => queryParametersOf(options).map(toQuery)

const toQuery = ([name, type, description]: QueryParameter): Parameter => ({ name, in: 'query', type, description })

/** A part of the path of what is called `kind`. */
export function pathParameter(name: string, kind: string): Parameter {
  const texts: Readonly<Record<string, string>> = {
    namespace: 'object name and auth scope, such as for teams and projects',
    name: `name of the ${kind}`,
    path: 'path to the resource',
  }
  return { name, in: 'path', type: 'string', description: texts[name]! }
}

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const

/** By these kubectl's apply decides how it patches, so they are told exactly: custom kinds take no strategic merge patch. */
export const patchTypesOf = ({ custom }: Pick<ResourceDefinition, 'custom'>): string[] =>
  PATCH_TYPES.filter((type) => custom === undefined || type !== 'application/strategic-merge-patch+json')
