import type { ResourceDefinition } from '#api'
import type { DocumentedVerb } from './parameters.ts'

const WORDS: Readonly<Record<DocumentedVerb, string>> = {
  get: 'read',
  list: 'list',
  create: 'create',
  update: 'replace',
  patch: 'patch',
  delete: 'delete',
  // Upstream's word is the first verb that its "deletecollection" begins with.
  deletecollection: 'delete',
}

/** `readCoreV1NamespacedPodStatus`: how documents name what `verb` does at a path, whose namespace may be anyone. */
export function operationId(verb: DocumentedVerb, resource: ResourceDefinition, subresource: string, path: string): string {
  const scope = path.includes('{namespace}') ? 'Namespaced' : ''
  const collection = verb === 'deletecollection' ? 'Collection' : ''
  return `${WORDS[verb]}${groupWord(resource)}${collection}${scope}${word(resource.kind)}${capitalised(subresource)}`
}

/** `CoreV1`, `AppsV1`, `RbacAuthorizationV1`: how operation ids spell a group-version. */
export const groupWord = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  word(withoutSuffix(group)) + capitalised(version)

/** `core_v1`, `rbacAuthorization_v1`: what operations are listed under. */
export const tagOf = ({ group, version }: ResourceDefinition): string => `${groupTag(group)}_${version}`

export const groupTag = (group: string): string => identifier(withoutSuffix(group))

export const word = (text: string): string => capitalised(identifier(text))

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const withoutSuffix = (group: string): string => (group === '' ? 'core' : group.replace(/\.k8s\.io$/, ''))

/** Without what no identifier has, and what follows that in upper case; nor does it begin with a digit. */
const identifier = (text: string): string =>
  text.replaceAll(/(?:^\p{Nd}|[^\p{L}\p{Nd}_])+(.?)/gu, (_, next: string) => next.toUpperCase())

/** What documents say that `verb` does. */
export function describeOperation(
  verb: DocumentedVerb,
  { kind, verbs, custom }: ResourceDefinition,
  subresource: string,
): string {
  const part = subresource === '' ? '' : `${subresource} of `
  const article = articleFor(kind)
  switch (verb) {
    case 'get':
      return `read ${part}the specified ${kind}`
    case 'list':
      return `list ${verbs.includes('watch') && custom === undefined ? 'or watch ' : ''}objects of kind ${kind}`
    case 'create':
      return `create ${part}${article}${kind}`
    case 'update':
      return `replace ${part}the specified ${kind}`
    case 'patch':
      return `partially update ${part}the specified ${kind}`
    case 'delete':
      return `delete ${article}${kind}`
    case 'deletecollection':
      return `delete collection of ${kind}`
  }
}

/** What ends in an s is taken for a plural. */
function articleFor(noun: string): string {
  if (/[^s]s$/.test(noun)) return ''
  return /^[aeiou]/i.test(noun) ? 'an ' : 'a '
}

const INSTEAD = ". deprecated: use the 'watch' parameter with a list operation instead"

/** What documents say of the paths below `/watch/`. */
export const describeWatch = (kind: string, isList: boolean): string =>
  isList
    ? `watch individual changes to a list of ${kind}${INSTEAD}.`
    : `watch changes to an object of kind ${kind}${INSTEAD}, filtered to a single item with the 'fieldSelector' parameter.`
