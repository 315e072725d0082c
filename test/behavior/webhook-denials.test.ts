import assert from 'node:assert/strict'
import { type ConfigMap, configMaps, customResourceDefinitions, namespaces, type Pod, pods } from '#api'
import type { AdmissionRequest } from '#apiserver'
import { crdOf } from '#testing'
import { behaviors, type Scene } from './behavior.ts'
import { defining, groupOf, objectOf } from './custom.ts'
import type { Target } from './target.ts'
import { refusal } from './waiting.ts'
import { type Answer, allow, CONFIGURATIONS, denial, deny, patch, registered, rules, serveHooks } from './webhooks.ts'

const LABEL = 'webhook-e2e-test'
const BAD = { [LABEL]: 'webhook-disallow' }
const SLOW_MS = 5_000

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { name, namespace },
  data,
})

const pod = (namespace: string, name: string, container = 'main', labels: Record<string, string> = {}): Pod => ({
  metadata: { name, namespace, labels },
  spec: { containers: [{ name: container, image: 'pause:3' }] },
})

const judgeConfigMap = ({ object }: AdmissionRequest): Answer =>
  (object as ConfigMap).data?.[LABEL] === BAD[LABEL] ? deny('the configmap contains unwanted key and value') : allow

/** What a webhook does before it answers. A caller may give up meanwhile, and must not go on before all of it is over: the time is everybody's. */
class Delay {
  readonly #target: Target
  #passing: Promise<void> = Promise.resolve()

  constructor({ target }: Scene) {
    this.#target = target
  }

  pass(ms: number): Promise<void> {
    this.#passing = this.#target.pass(ms)
    return this.#passing
  }

  over(): Promise<void> {
    return this.#passing
  }
}

/** One pod makes the webhook hang for longer than anybody waits for it. */
const judgePod =
  (delay: Delay) =>
  async ({ object }: AdmissionRequest): Promise<Answer> => {
    const { metadata, spec } = object as Pod
    const label = metadata?.labels?.[LABEL]
    if (label === 'wait-forever') await delay.pass(4 * SLOW_MS)
    if (spec?.containers.some(({ name }) => name === BAD[LABEL])) return deny('the pod contains unwanted container name')
    return label === BAD[LABEL] ? deny('the pod contains unwanted label') : allow
  }

const judgeCustom = ({ object, oldObject }: AdmissionRequest): Answer =>
  ((object ?? oldObject) as unknown as { data?: Record<string, string> }).data?.[LABEL] === BAD[LABEL]
    ? deny('the custom resource contains unwanted data')
    : allow

behaviors(
  'webhook denials',
  (behavior) => {
    behavior(
      '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny pod and configmap creation [Conformance]',
      async (scene) => {
        const { client, namespace } = scene
        const free = { metadata: { generateName: `${namespace}-free-`, labels: { scene: namespace, 'skip-webhook': 'yes' } } }
        await client.patch(namespaces, namespace, { metadata: { labels: { scene: namespace } } }, { type: 'merge' })
        const skipped = (await client.create(namespaces, free)).metadata!.name!
        const delay = new Delay(scene)
        await using server = await serveHooks(scene, { '/pods': judgePod(delay), '/configmaps': judgeConfigMap })
        const namespaceSelector = {
          matchLabels: { scene: namespace },
          matchExpressions: [{ key: 'skip-webhook', operator: 'NotIn', values: ['yes'] }],
        }
        const hooks = [
          server.to('/pods', { rules: rules('pods', 'CREATE'), timeoutSeconds: 10, namespaceSelector }),
          server.to('/configmaps', { namespaceSelector }),
        ]
        await registered(scene, 'validating', server, hooks, async () => {
          const said = async (made: Promise<unknown>, message: string) => assert.equal(await denial(made), message)
          await said(client.create(pods, pod(namespace, 'name', BAD[LABEL])), 'the pod contains unwanted container name')
          await said(client.create(pods, pod(namespace, 'label', 'main', BAD)), 'the pod contains unwanted label')
          const hanging = client.create(pods, pod(namespace, 'hanging', 'main', { [LABEL]: 'wait-forever' }))
          assert.match((await refusal(hanging, 'InternalError')).message, /deadline/)
          await delay.over()
          assert.equal(await client.find(pods, `${namespace}/hanging`), undefined)

          const why = 'the configmap contains unwanted key and value'
          await said(client.create(configMaps, configMap(namespace, 'bad', BAD)), why)
          const good = await client.create(configMaps, configMap(namespace, 'good', { fine: 'yes' }))
          await said(client.update(configMaps, { ...good, data: BAD }), why)
          await said(client.patch(configMaps, `${namespace}/good`, { data: BAD }, { type: 'merge' }), why)
          await client.create(configMaps, configMap(skipped, 'bad', BAD))
        })
        await client.delete(namespaces, skipped)
      },
    )

    behavior(
      '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny custom resource creation, update and deletion [Conformance]',
      async (scene) => {
        const { client } = scene
        await using server = await serveHooks(scene, { '/custom-resource': judgeCustom })
        await defining(scene, {}, async ({ kinds: [widgets] }) => {
          const hook = server.to('/custom-resource', {
            rules: rules(`${groupOf(scene)}/widgets`, 'CREATE', 'UPDATE', 'DELETE'),
            namespaceSelector: {},
          })
          const denied = async (made: Promise<unknown>): Promise<void> => {
            assert.equal(await denial(made), 'the custom resource contains unwanted data')
          }
          const bad = await client.create(widgets!, objectOf(widgets!, 'bad', { data: BAD }))
          await registered(scene, 'validating', server, [hook], async () => {
            await denied(client.create(widgets!, objectOf(widgets!, 'new', { data: BAD })))
            await client.create(widgets!, objectOf(widgets!, 'good', { data: { fine: 'yes' } }))
            await denied(client.patch(widgets!, 'good', { data: BAD }, { type: 'merge' }))
            await denied(client.delete(widgets!, bad.metadata!.name!))
            await client.patch(widgets!, 'bad', { data: { [LABEL]: 'webhook-allow' } }, { type: 'merge' })
            await client.delete(widgets!, 'bad')
          })
        })
      },
    )

    behavior(
      '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should unconditionally reject operations on fail closed webhook [Conformance]',
      async (scene) => {
        const { client, namespace } = scene
        await using server = await serveHooks(scene, { '/configmaps': () => allow })
        // Without the authority's certificate no server is believed.
        const { service } = server.clientConfig('/configmaps')
        const hook = server.to('/configmaps', {
          name: 'fail-closed.k8s.io',
          clientConfig: { service: service! },
          failurePolicy: 'Fail',
        })
        await registered(scene, 'validating', server, [hook], async () => {
          const { message } = await refusal(client.create(configMaps, configMap(namespace, 'foo')), 'InternalError')
          assert.match(message, /failed calling webhook "fail-closed\.k8s\.io"/)
        })
        await client.create(configMaps, configMap(namespace, 'foo'))
      },
    )

    behavior(
      '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should deny crd creation [Conformance]',
      async (scene) => {
        const { client } = scene
        await using server = await serveHooks(scene, { '/crd': () => deny('the crd contains unwanted label') })
        const hook = server.to('/crd', {
          rules: rules('apiextensions.k8s.io/customresourcedefinitions', 'CREATE'),
          namespaceSelector: {},
          objectSelector: { matchLabels: BAD },
        })
        await registered(scene, 'validating', server, [hook], async () => {
          const crd = crdOf({ group: groupOf(scene) })
          const unwanted = { ...crd, metadata: { ...crd.metadata, labels: BAD } }
          assert.equal(await denial(client.create(customResourceDefinitions, unwanted)), 'the crd contains unwanted label')
          assert.equal(await client.find(customResourceDefinitions, crd.metadata!.name!), undefined)
        })
      },
    )

    behavior(
      '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should honor timeout [Conformance]',
      async (scene) => {
        const { client, namespace } = scene
        const delay = new Delay(scene)
        const slow = async (): Promise<Answer> => {
          await delay.pass(SLOW_MS)
          return allow
        }
        await using server = await serveHooks(scene, { '/always-allow-delay-5s': slow })
        const attempt = async (name: string, more: object, made: (call: Promise<ConfigMap>) => Promise<unknown>) => {
          const hook = server.to('/always-allow-delay-5s', more)
          await registered(scene, 'validating', server, [hook], async () => {
            await made(client.create(configMaps, configMap(namespace, name)))
            await delay.over()
          })
        }
        await attempt('a', { timeoutSeconds: 1, failurePolicy: 'Fail' }, async (call) => {
          const { message } = await refusal(call, 'InternalError')
          assert.match(message, /failed calling webhook "always-allow-delay-5s\.k8s\.io".*\?timeout=1s.*deadline exceeded/)
        })
        const accepted = async (call: Promise<ConfigMap>): Promise<void> => void assert.ok((await call).metadata?.uid)
        await attempt('b', { timeoutSeconds: 1, failurePolicy: 'Ignore' }, accepted)
        await attempt('c', { timeoutSeconds: 10, failurePolicy: 'Fail' }, accepted)
        // Ten seconds are the default.
        await attempt('d', { failurePolicy: 'Fail' }, accepted)
      },
    )

    behavior(
      '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should not be able to mutate or prevent deletion of webhook configuration objects [Conformance]',
      async (scene) => {
        const { client, namespace } = scene
        const everything = {
          rules: ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'].flatMap((name) =>
            rules(`admissionregistration.k8s.io/${name}`, 'CREATE', 'UPDATE', 'DELETE'),
          ),
          namespaceSelector: {},
          objectSelector: { matchLabels: { dummy: namespace } },
        }
        const labelled = patch({ op: 'add', path: '/metadata/labels/touched', value: 'yes' })
        await using server = await serveHooks(scene, {
          '/always-deny': () => deny('nobody touches these'),
          '/add-label': () => labelled,
        })
        await registered(scene, 'validating', server, [server.to('/always-deny', everything)], () =>
          registered(scene, 'mutating', server, [server.to('/add-label', everything)], async () => {
            for (const resource of Object.values(CONFIGURATIONS)) {
              const metadata = { name: `${namespace}-dummy`, labels: { dummy: namespace } }
              const made = await client.create(resource, { metadata, webhooks: [server.to('/unused', everything)] })
              assert.deepEqual(made.metadata?.labels, { dummy: namespace })
              await client.delete(resource, `${namespace}-dummy`)
              assert.equal(await client.find(resource, `${namespace}-dummy`), undefined)
            }
          }),
        )
      },
    )
  },
  { ownTime: true },
)
