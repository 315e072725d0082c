import type { KubernetesObject, Schema } from '#meta'
import { age, name as nameColumn } from './columns.ts'
import type { Column, ResourceDefinition, ResourceInput, Verb } from './definition.ts'
import { schemaOf } from './schemas.ts'

const ALL_VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const DNS_SUBDOMAIN_LENGTH_MAX = 253

/** Completes a kind's definition: what the input leaves out is the plain case of upstream's generic registry. */
export function defineResource<T extends KubernetesObject>(input: ResourceInput<T>): ResourceDefinition<T> {
  const { names, subresources, schema: source, ...rest } = input
  const schema = typeof source === 'string' ? (): Schema => schemaOf(source) : source
  return {
    listKind: `${input.kind}List`,
    verbs: ALL_VERBS,
    selectableFields: {},
    columns: [nameColumn, age] as readonly Column<T>[],
    stored: true,
    generation: false,
    immutableFields: [],
    validateName: subdomainName,
    default() {},
    prepareForCreate() {},
    prepareForUpdate() {},
    *validate() {},
    *validateUpdate() {},
    *validateStatusUpdate() {},
    *warnings() {},
    gracePeriodSeconds: () => undefined,
    prepareForDelete() {},
    blocksDeletion: () => false,
    defaultPropagation: 'Background',
    ...rest,
    names: {
      plural: names.plural,
      singular: names.singular ?? input.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
    },
    subresources: { status: subresources?.status ?? false, scale: subresources?.scale, others: subresources?.others ?? {} },
    schema,
  }
}

/** Names that go into URLs and most often into DNS; a prefix may end in a dash, since something follows. */
export function* subdomainName(name: string, prefix: boolean): Iterable<string> {
  const checked = prefix ? name.replace(/-+$/, '') : name
  if (name.length > DNS_SUBDOMAIN_LENGTH_MAX) yield `must be no more than ${DNS_SUBDOMAIN_LENGTH_MAX} characters`
  if (!DNS_SUBDOMAIN.test(checked)) {
    yield "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  }
}

/** Names that only need to fit into one segment of a URL (RBAC's). */
export function* pathSegmentName(name: string): Iterable<string> {
  if (name === '.' || name === '..') yield `may not be '${name}'`
  for (const forbidden of ['/', '%']) if (name.includes(forbidden)) yield `may not contain '${forbidden}'`
}
