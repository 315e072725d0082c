import assert from 'node:assert/strict'
import { type CustomResourceDefinition, customResourceDefinitions } from '#api'
import type { CustomSpec } from '#testing'
import { behaviors, type Scene } from './behavior.ts'
import { type Defined, defining, groupOf } from './custom.ts'
import { Home } from './home.ts'
import { read } from './raw.ts'
import { untilAnswer } from './waiting.ts'

const needs = 'kubectl'

type Schema = Readonly<Record<string, unknown>>

const text = (description: string, more: object = {}) => ({ description, type: 'string', ...more })
const object = (properties: Record<string, object>, more: object = {}) => ({ type: 'object', properties, ...more })
const OPEN = { 'x-kubernetes-preserve-unknown-fields': true }

const FOO = object(
  {
    spec: object(
      {
        bars: {
          description: 'List of Bars and their specs.',
          type: 'array',
          items: object(
            {
              name: text('Name of Bar.'),
              age: text('Age of Bar.'),
              feeling: text('Whether Bar is feeling great.', { enum: ['Great', 'Down'] }),
              bazs: { description: 'List of Bazs.', type: 'array', items: { type: 'string' } },
            },
            { required: ['name'] },
          ),
        },
      },
      { description: 'Specification of Foo' },
    ),
    status: object(
      { quxType: text('Indicates to external qux type.', { pattern: 'in-tree|out-of-tree' }) },
      { description: 'Status of Foo' },
    ),
  },
  { description: 'Foo CRD for Testing' },
)
const WALDO = object(
  { spec: object({ dummy: { description: 'Dummy property.', type: 'object' } }, { description: 'Specification of Waldo' }) },
  { description: 'Waldo CRD for Testing' },
)

/** As the documents call a kind: the group's labels from the last to the first. */
const definitionName = ({ spec: { group, names } }: CustomResourceDefinition, version: string): string =>
  `${group.split('.').reverse().join('.')}.${version}.${names.kind}`

/** A schema without what the server adds to every kind. */
function own({ 'x-kubernetes-group-version-kind': _, properties, ...rest }: Schema): Schema {
  const { metadata: _metadata, apiVersion: _apiVersion, kind: _kind, ...others } = (properties ?? {}) as Schema
  return { ...rest, ...(Object.keys(others).length > 0 && { properties: others }) }
}

/** Schemas of a definition in both documents, as far as they are published. */
async function published({ target }: Scene, crd: CustomResourceDefinition, version: string): Promise<(Schema | undefined)[]> {
  const name = definitionName(crd, version)
  const { definitions } = await read<{ definitions: Record<string, Schema> }>(target, '/openapi/v2')
  const { paths } = await read<{ paths: Record<string, unknown> }>(target, '/openapi/v3')
  const path = `apis/${crd.spec.group}/${version}`
  if (!(path in paths)) return [definitions[name], undefined]
  const { components } = await read<{ components: { schemas: Record<string, Schema> } }>(target, `/openapi/v3/${path}`)
  return [definitions[name], components.schemas[name]]
}

const areThere = (schemas: readonly (Schema | undefined)[]): boolean => schemas.every((each) => each !== undefined)

/** Waits until both documents hold a schema for the version, and it is the one expected of each. */
async function isPublished(scene: Scene, crd: CustomResourceDefinition, version: string, v3: Schema, v2 = v3): Promise<void> {
  const [inV2, inV3] = await untilAnswer(() => published(scene, crd, version), areThere)
  assert.deepEqual(own(inV2!), v2)
  assert.deepEqual(own(inV3!), v3)
}

async function isWithdrawn(scene: Scene, crd: CustomResourceDefinition, version: string): Promise<void> {
  await untilAnswer(
    () => published(scene, crd, version),
    (schemas) => schemas.every((each) => each === undefined),
  )
}

/** Defines a kind, sees it published in every version, and withdrawn when it is gone. */
async function publishing(
  scene: Scene,
  spec: CustomSpec,
  schema: Schema,
  body: (defined: Defined) => Promise<void>,
): Promise<void> {
  let last: CustomResourceDefinition | undefined
  await defining(scene, { schema, ...spec }, async (defined) => {
    last = defined.crd
    for (const { name } of defined.crd.spec.versions) await isPublished(scene, defined.crd, name, schema)
    await body(defined)
  })
  for (const { name } of last!.spec.versions) await isWithdrawn(scene, last!, name)
}

/** Creates, deletes, applies and deletes an object by kubectl, which checks it first. */
async function accepts(home: Home, scene: Scene, fields: object): Promise<void> {
  const manifest = home.manifest('accepted', widget(scene, fields))
  for (const verb of ['create', 'apply']) {
    await home.kubectl(verb, '-f', manifest)
    await home.kubectl('delete', 'widgets', 'test-cr')
  }
}

async function refuses(home: Home, scene: Scene, fields: object, why: RegExp): Promise<void> {
  const manifest = home.manifest('refused', widget(scene, fields))
  for (const verb of ['create', 'apply']) assert.match(await home.refused(1, verb, '-f', manifest), why)
}

const widget = (scene: Scene, fields: object): object => ({
  apiVersion: `${groupOf(scene)}/v1`,
  kind: 'Widget',
  metadata: { name: 'test-cr' },
  ...fields,
})

behaviors('custom openapi', (behavior) => {
  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD with validation schema [Conformance]',
    (scene) =>
      publishing(scene, {}, FOO, async () => {
        using home = new Home(scene.target)
        await accepts(home, scene, { spec: { bars: [{ name: 'test-bar' }] } })
        // Older programs check by the published schema, newer ones let the server do it; the words differ.
        await refuses(home, scene, { spec: { foo: true } }, /unknown field "(spec\.)?foo"/)
        await refuses(
          home,
          scene,
          { spec: { bars: [{ age: '10' }] } },
          /missing required field "name"|spec\.bars\[0\]\.name: Required value/,
        )
        const bad = { spec: { bars: [{ name: 'b', feeling: 'NonExistentValue' }] } }
        await refuses(home, scene, bad, /Unsupported value: "NonExistentValue"/)
        for (const [path, told] of [
          [
            '',
            /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
          ],
          [
            '.metadata',
            /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
          ],
          ['.spec', /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s],
          [
            '.spec.bars',
            /bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
          ],
        ] as const)
          assert.match(await home.kubectl('explain', `widgets${path}`), told)
        assert.match(await home.refused(1, 'explain', 'widgets.spec.bars2'), /field "bars2" does not exist/)
      }),
    { needs },
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD without validation schema [Conformance]',
    (scene) =>
      defining(scene, {}, async ({ crd }) => {
        await isPublished(scene, crd, 'v1', { type: 'object', ...OPEN }, { type: 'object' })
        using home = new Home(scene.target)
        await accepts(home, scene, { a: { b: [{ c: 'd' }] } })
        assert.match(await home.kubectl('explain', 'widgets'), /DESCRIPTION:.*<empty>/s)
      }),
    { needs },
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields at the schema root [Conformance]',
    (scene) => {
      const schema = { ...WALDO, ...OPEN, description: 'preserve-unknown-properties at root for Testing' }
      return defining(scene, { schema }, async ({ crd }) => {
        // Programs that know no such thing would refuse what the server takes; they are told of no fields at all.
        await isPublished(scene, crd, 'v1', schema, { type: 'object' })
        using home = new Home(scene.target)
        await accepts(home, scene, { a: { b: [{ c: 'd' }] } })
        assert.match(await home.kubectl('explain', 'widgets'), /KIND:.*Widget/s)
      })
    },
    { needs },
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for CRD preserving unknown fields in an embedded object [Conformance]',
    (scene) => {
      const spec = object(
        { dummy: { description: 'Dummy property.', type: 'object' } },
        { description: 'Specification', ...OPEN },
      )
      const schema = object({ spec }, { description: 'preserve-unknown-properties in nested field for Testing' })
      return defining(scene, { schema }, async ({ crd }) => {
        await untilAnswer(() => published(scene, crd, 'v1'), areThere)
        using home = new Home(scene.target)
        await accepts(home, scene, { spec: { a: null, b: [{ c: 'd' }] } })
        const told = await home.kubectl('explain', 'widgets')
        assert.match(told, /DESCRIPTION:.*preserve-unknown-properties in nested field for Testing/s)
      })
    },
    { needs },
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of different groups [Conformance]',
    (scene) =>
      publishing(scene, {}, FOO, ({ crd }) =>
        publishing(scene, { group: `other-${groupOf(scene)}`, kind: 'Waldo', versions: [{ name: 'v1beta1' }] }, WALDO, () =>
          isPublished(scene, crd, 'v1', FOO),
        ),
      ),
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group but different versions [Conformance]',
    async (scene) => {
      await publishing(scene, { versions: [{ name: 'v2' }, { name: 'v3' }] }, FOO, async () => undefined)
      await publishing(scene, { versions: [{ name: 'v4' }] }, FOO, ({ crd }) =>
        publishing(scene, { kind: 'Waldo', versions: [{ name: 'v5' }] }, WALDO, () => isPublished(scene, crd, 'v4', FOO)),
      )
    },
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] works for multiple CRDs of same group and version but different kinds [Conformance]',
    (scene) =>
      publishing(scene, { versions: [{ name: 'v6' }] }, FOO, async ({ crd }) => {
        await publishing(scene, { kind: 'Waldo', versions: [{ name: 'v6' }] }, WALDO, () => isPublished(scene, crd, 'v6', FOO))
        await isPublished(scene, crd, 'v6', FOO)
      }),
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] updates the published spec when one version gets renamed [Conformance]',
    (scene) =>
      publishing(scene, { versions: [{ name: 'v2' }, { name: 'v3' }] }, FOO, async ({ crd }) => {
        const patch = [
          { op: 'test', path: '/spec/versions/1/name', value: 'v3' },
          { op: 'replace', path: '/spec/versions/1/name', value: 'v4' },
        ]
        await scene.client.patch(customResourceDefinitions, crd.metadata!.name!, patch, { type: 'json' })
        await isPublished(scene, crd, 'v4', FOO)
        await isWithdrawn(scene, crd, 'v3')
        await isPublished(scene, crd, 'v2', FOO)
      }),
  )

  behavior(
    '[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] removes definition from spec when one version gets changed to not be served [Conformance]',
    (scene) =>
      publishing(scene, { versions: [{ name: 'v5' }, { name: 'v6alpha1' }] }, FOO, async ({ crd }) => {
        const current = await scene.client.get(customResourceDefinitions, crd.metadata!.name!)
        const versions = current.spec.versions.map((each) => ({ ...each, served: each.name === 'v5' }))
        await scene.client.update(customResourceDefinitions, { ...current, spec: { ...current.spec, versions } })
        await isWithdrawn(scene, crd, 'v6alpha1')
        await isPublished(scene, crd, 'v5', FOO)
      }),
  )
})
