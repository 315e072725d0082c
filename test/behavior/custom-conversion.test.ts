import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { type CustomResourceDefinition, customResourceDefinitions, type ResourceDefinition } from '#api'
import { nullLog, systemClock, systemRandom } from '#base'
import { type Client, Informer } from '#client'
import type { CustomObject, CustomSpec } from '#testing'
import { behaviors, type Scene } from './behavior.ts'
import { type Defined, defining, objectOf } from './custom.ts'
import { observe, until } from './waiting.ts'
import { serveBehind } from './webhooks.ts'

interface Review {
  readonly apiVersion: string
  readonly kind: string
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly CustomObject[] }
}

const INFORMED_MS_MAX = 30_000

/** v1 has `hostPort`, v2 has `host` and `port`. */
function convert({ hostPort, host, port, ...rest }: CustomObject, apiVersion: string): CustomObject {
  const [ownHost, ownPort] = typeof hostPort === 'string' ? hostPort.split(':') : [host, port]
  return apiVersion.endsWith('/v1')
    ? { ...rest, apiVersion, hostPort: `${String(ownHost)}:${String(ownPort)}` }
    : { ...rest, apiVersion, host: ownHost, port: ownPort }
}

function answer(body: string): object {
  const { apiVersion, kind, request } = JSON.parse(body) as Review
  const convertedObjects = request.objects.map((object) => convert(object, request.desiredAPIVersion))
  return { apiVersion, kind, response: { uid: request.uid, result: { status: 'Success' }, convertedObjects } }
}

const schemaOf = (...fields: readonly string[]) => ({
  openAPIV3Schema: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])) },
})

/** Widgets in v1, which are stored so, and v2, as long as `body` takes; each selectable by its host. */
async function converting(scene: Scene, body: (defined: Defined) => Promise<void>): Promise<void> {
  await using server = await serveBehind(scene, (_path, text) => answer(text))
  const spec: CustomSpec = {
    conversion: {
      strategy: 'Webhook',
      webhook: { clientConfig: server.clientConfig('/crdconvert'), conversionReviewVersions: ['v1', 'v1beta1'] },
    },
    versions: [
      { name: 'v1', schema: schemaOf('hostPort'), selectableFields: [{ jsonPath: '.hostPort' }] },
      { name: 'v2', schema: schemaOf('host', 'port'), selectableFields: [{ jsonPath: '.host' }, { jsonPath: '.port' }] },
    ],
  }
  await defining(scene, spec, body)
}

async function storeInSecond({ client }: Scene, { metadata }: CustomResourceDefinition): Promise<void> {
  const current = await client.get(customResourceDefinitions, metadata!.name!)
  const versions = current.spec.versions.map((version) => ({ ...version, storage: version.name === 'v2' }))
  await client.update(customResourceDefinitions, { ...current, spec: { ...current.spec, versions } })
  await until(client, customResourceDefinitions, metadata!.name!, (crd) => Boolean(crd?.status?.storedVersions?.includes('v2')))
}

const shown = ({ apiVersion, metadata, host, port, hostPort }: CustomObject): unknown[] => [
  metadata?.name,
  apiVersion?.split('/')[1],
  ...(hostPort === undefined ? [host, port] : [hostPort]),
]

/** Keeps a selection by an informer; the result resolves once that holds exactly these. */
function follow(
  client: Client,
  kind: ResourceDefinition<CustomObject>,
  fieldSelector: string,
  stack: AsyncDisposableStack,
): (names: readonly string[]) => Promise<void> {
  const informer = new Informer(kind, { fieldSelector }, { client, clock: systemClock, random: systemRandom, log: nullLog })
  const controller = new AbortController()
  const running = informer.run(controller.signal)
  stack.defer(async () => {
    controller.abort()
    await running.catch(() => undefined)
  })
  return async (names) => {
    await informer.synced(AbortSignal.timeout(INFORMED_MS_MAX))
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => {
      if (
        isDeepStrictEqual(
          informer.list().map(({ metadata }) => metadata?.name),
          names,
        )
      )
        resolve()
    }
    using _handler = informer.onChange(look)
    look()
    await promise
  }
}

behaviors('custom conversion', (behavior) => {
  behavior(
    '[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert from CR v1 to CR v2 [Conformance]',
    (scene) =>
      converting(scene, async ({ kinds: [first, second] }) => {
        const created = await scene.client.create(first!, objectOf(first!, 'one', { hostPort: 'example.com:80' }))
        const seen = await scene.client.get(second!, 'one')
        assert.deepEqual(shown(seen), ['one', 'v2', 'example.com', '80'])
        assert.equal(seen.metadata?.uid, created.metadata?.uid)
      }),
  )

  behavior(
    '[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert a non homogeneous list of CRs [Conformance]',
    (scene) =>
      converting(scene, async ({ crd, kinds: [first, second] }) => {
        const { client } = scene
        await client.create(first!, objectOf(first!, 'one', { hostPort: 'example.com:80' }))
        await storeInSecond(scene, crd)
        await client.create(second!, objectOf(second!, 'two', { host: 'example.com', port: '8080' }))
        assert.deepEqual((await client.list(second!)).items.map(shown), [
          ['one', 'v2', 'example.com', '80'],
          ['two', 'v2', 'example.com', '8080'],
        ])
        assert.deepEqual((await client.list(first!)).items.map(shown), [
          ['one', 'v1', 'example.com:80'],
          ['two', 'v1', 'example.com:8080'],
        ])
      }),
  )

  behavior(
    '[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector [Conformance]',
    (scene) =>
      converting(scene, async ({ kinds: [first, second] }) => {
        const { client } = scene
        await using stack = new AsyncDisposableStack()
        const { metadata } = await client.list(first!)
        const watched = (kind: typeof first, fieldSelector: string) =>
          stack.use(observe(client, kind!, { fieldSelector, resourceVersion: metadata.resourceVersion! }))
        const inFirst = watched(first, 'hostPort=host1:80')
        const inSecond = watched(second, 'host=host1')
        const informed = follow(client, second!, 'host=host1', stack)
        await client.create(first!, objectOf(first!, 'one', { hostPort: 'host1:80' }))
        await client.create(first!, objectOf(first!, 'two', { hostPort: 'host1:8080' }))
        await client.create(second!, objectOf(second!, 'other', { host: 'host2', port: '80' }))

        const names = async (kind: typeof first, fieldSelector: string): Promise<(string | undefined)[]> =>
          (await client.list(kind!, { fieldSelector })).items.map(({ metadata: own }) => own?.name)
        assert.deepEqual(await names(first, 'hostPort=host1:80'), ['one'])
        assert.deepEqual(await names(second, 'host=host1'), ['one', 'two'])
        assert.deepEqual(await names(second, 'host=host1,port=80'), ['one'])
        assert.deepEqual(await names(second, 'host!=host1'), ['other'])

        await informed(['one', 'two'])

        await client.delete(second!, 'two')
        // What leaves a selection is gone for whoever watches it, in either version.
        await client.patch(first!, 'one', { hostPort: 'host2:80' }, { type: 'merge' })
        const next = async (watch: typeof inFirst): Promise<string> => {
          const { type, object } = await watch.next(() => true)
          return `${type} ${object.metadata?.name}`
        }
        assert.deepEqual([await next(inFirst), await next(inFirst)], ['ADDED one', 'DELETED one'])
        const seen = [await next(inSecond), await next(inSecond), await next(inSecond), await next(inSecond)]
        assert.deepEqual(seen, ['ADDED one', 'ADDED two', 'DELETED two', 'DELETED one'])
        await informed([])
        assert.deepEqual(await names(second, 'host=host2'), ['one', 'other'])
        assert.deepEqual(await names(first, 'hostPort=host1:80'), [])
      }),
  )
})
