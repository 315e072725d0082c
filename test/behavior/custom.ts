import { type CustomResourceDefinition, customResourceDefinitions, type ResourceDefinition } from '#api'
import { type CustomObject, type CustomSpec, crdOf, establish } from '#testing'
import type { Scene } from './behavior.ts'
import { until } from './waiting.ts'

/** The group of a scene's own kinds, which no other test has. */
export const groupOf = ({ namespace }: Scene): string => `${namespace}.example.com`

export interface Defined {
  readonly crd: CustomResourceDefinition
  /** The kind in each version that is served, in the definition's order. */
  readonly kinds: readonly ResourceDefinition<CustomObject>[]
}

/** Defines a kind, of the scene's group unless the spec names another, for as long as `body` takes; Widget, cluster-scoped, at v1 unless it says otherwise. */
export async function defining(scene: Scene, spec: CustomSpec, body: (defined: Defined) => Promise<void>): Promise<void> {
  const { client } = scene
  const wanted = crdOf({ group: groupOf(scene), scope: 'Cluster', ...spec })
  const name = wanted.metadata!.name!
  try {
    const kinds = await establish(client, wanted)
    await body({ crd: await client.get(customResourceDefinitions, name), kinds })
  } finally {
    await client.delete(customResourceDefinitions, name).catch(() => undefined)
    await until(client, customResourceDefinitions, name, (crd) => crd === undefined)
  }
}

/** An object of the first kind. */
export const objectOf = (
  { group, version, kind }: ResourceDefinition<CustomObject>,
  name: string,
  fields = {},
): CustomObject => ({
  apiVersion: `${group}/${version}`,
  kind,
  metadata: { name },
  ...fields,
})
