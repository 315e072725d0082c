import type { KubernetesObject, Schema } from '#meta'
import { age, name as nameColumn } from './columns.ts'
import type { Column, ResourceDefinition, ResourceInput, Verb } from './definition.ts'
import { schemaOf } from './schemas.ts'
import { subdomainName } from './validation/names.ts'

const ALL_VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

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
    keepsStatusOnCreate: false,
    unconditionalUpdate: true,
    createsOnUpdate: false,
    returnsDeleted: false,
    immutableFields: [],
    validateName: subdomainName,
    default() {},
    prepareForCreate() {},
    prepareForUpdate() {},
    prepareForStatusUpdate() {},
    validate() {},
    validateUpdate() {},
    ratchets: false,
    validateStatusUpdate() {},
    validateSubresourceUpdate() {},
    warnings() {},
    statusWarnings() {},
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
