import {
  type CustomResourceDefinition,
  type CustomResourceDefinitionVersion,
  customKinds,
  customResourceDefinitions,
  type JSONSchemaProps,
  type ResourceDefinition,
} from '#api'
import type { Client } from '#client'
import type { KubernetesObject } from '#meta'

/** An object of a custom kind, whose fields nobody knows beforehand. */
export type CustomObject = KubernetesObject & { [field: string]: unknown }

export interface CustomSpec {
  readonly group?: string
  readonly kind?: string
  readonly scope?: 'Namespaced' | 'Cluster'
  readonly names?: Partial<CustomResourceDefinition['spec']['names']>
  readonly conversion?: NonNullable<CustomResourceDefinition['spec']['conversion']>
  /** The first is stored unless one says so. */
  readonly versions?: readonly (Partial<CustomResourceDefinitionVersion> & { readonly name: string })[]
  /** Of every version that has none of its own. */
  readonly schema?: JSONSchemaProps
}

const ANYTHING: JSONSchemaProps = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

/** A definition of widgets in example.com at v1, or what differs. */
export function crdOf(spec: CustomSpec = {}): CustomResourceDefinition {
  const { group = 'example.com', kind = 'Widget', scope = 'Namespaced', names, conversion, schema = ANYTHING } = spec
  const plural = names?.plural ?? `${kind.toLowerCase()}s`
  const versions = spec.versions ?? [{ name: 'v1' }]
  const isStored = versions.some(({ storage }) => storage)
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, ...names },
      versions: versions.map((version, index) => ({
        served: true,
        storage: !isStored && index === 0,
        schema: { openAPIV3Schema: schema },
        ...version,
      })),
      ...(conversion && { conversion }),
    },
  }
}

/** Creates a definition and resolves once its objects can be used, with the kinds of its served versions for a client. */
export async function establish(client: Client, crd: CustomResourceDefinition): Promise<ResourceDefinition<CustomObject>[]> {
  const created = await client.create(customResourceDefinitions, crd)
  const established = await untilCrd(client, created, ({ status }) =>
    Boolean(status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True')),
  )
  return clientKinds(established)
}

/** What a client needs of a definition's served versions. */
export const clientKinds = (crd: CustomResourceDefinition): ResourceDefinition<CustomObject>[] =>
  customKinds(crd, () => {
    throw new Error('a client converts nothing')
  }) as unknown as ResourceDefinition<CustomObject>[]

/** Resolves with the definition once it is as wished. */
export async function untilCrd(
  client: Client,
  { metadata }: CustomResourceDefinition,
  wish: (crd: CustomResourceDefinition) => boolean,
): Promise<CustomResourceDefinition> {
  const fieldSelector = `metadata.name=${metadata!.name}`
  for await (const { type, object } of client.watch(customResourceDefinitions, { fieldSelector })) {
    const crd = object as CustomResourceDefinition
    if (type !== 'BOOKMARK' && type !== 'DELETED' && wish(crd)) return crd
  }
  throw new Error('the watch ended before the wish came true')
}
