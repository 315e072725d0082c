import assert from 'node:assert/strict'
import {
  configMaps,
  type MutatingWebhook,
  mutatingWebhookConfigurations,
  services,
  type ValidatingWebhook,
  validatingWebhookConfigurations,
} from '#api'
import type { AdmissionRequest } from '#apiserver'
import { StatusError } from '#meta'
import { startHttpsServer, type TestHttpsServer } from '#testing'
import type { Scene } from './behavior.ts'
import { untilAnswer } from './waiting.ts'

/** A name under which the target reaches this process, if it is not on this machine. */
export const HOST_VARIABLE = 'T8S_BEHAVIOR_WEBHOOK_HOST'

/** The `response` of a review, without its uid. */
export type Answer = Readonly<Record<string, unknown>>

/** What is answered at each path. */
export type Answers = Readonly<Record<string, (request: AdmissionRequest) => Answer | Promise<Answer>>>

/** A webhook server of this process that the target finds behind a Service of the scene's namespace. */
export interface HookServer extends AsyncDisposable {
  /** As a configuration names it: the path is of the server's answers. */
  clientConfig(path: string): MutatingWebhook['clientConfig']
  /** A webhook that is asked about ConfigMaps of the scene's namespace which are created or changed, unless `more` says otherwise. */
  to(path: string, more?: Partial<MutatingWebhook>): MutatingWebhook
}

const SERVICE = 'webhooks'
const MARKER = 'webhook-marker'
/** Where no webhook of a scene looks but the marker's. */
const MARKER_NAMESPACE = 'default'

export const allow: Answer = { allowed: true }
export const deny = (message: string): Answer => ({ allowed: false, status: { message } })
export const patch = (...operations: readonly object[]): Answer => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
})

/** Serves anything under the name of a Service, which leads to this process by the name of its host. */
export async function serveBehind(
  { client, namespace }: Scene,
  handle: (path: string, body: string) => unknown,
): Promise<TestHttpsServer & { clientConfig(path: string): NonNullable<MutatingWebhook['clientConfig']> }> {
  const host = process.env[HOST_VARIABLE]
  const listener = await startHttpsServer([`${SERVICE}.${namespace}.svc`], ({ path, body }) => handle(path, body), {
    address: host === undefined ? 'localhost' : '::',
  })
  const spec = { type: 'ExternalName', externalName: host ?? 'localhost', ports: [{ port: listener.port }] }
  await client.create(services, { metadata: { name: SERVICE, namespace }, spec })
  return {
    ...listener,
    clientConfig: (path) => ({
      service: { namespace, name: SERVICE, path, port: listener.port },
      caBundle: listener.caBundle,
    }),
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  }
}

export async function serveHooks(scene: Scene, answers: Answers): Promise<HookServer> {
  const all: Answers = { ...answers, [`/${MARKER}`]: () => deny(MARKER) }
  const server = await serveBehind(scene, async (path, body) => {
    const { apiVersion, kind, request } = JSON.parse(body) as { apiVersion: string; kind: string; request: AdmissionRequest }
    const answer = await all[new URL(path, 'https://hooks').pathname]?.(request)
    return { apiVersion, kind, response: { uid: request.uid, ...answer } }
  })
  return {
    clientConfig: server.clientConfig,
    to: (path, more = {}) => ({
      name: `${path.slice(1).replaceAll('/', '-')}.k8s.io`,
      clientConfig: server.clientConfig(path),
      rules: rules('configmaps', 'CREATE', 'UPDATE'),
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': scene.namespace } },
      sideEffects: 'None',
      admissionReviewVersions: ['v1', 'v1beta1'],
      ...more,
    }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Rules for a resource, `group.example/resource` outside the core group. */
export function rules(resource: string, ...operations: readonly string[]): NonNullable<MutatingWebhook['rules']> {
  const [name = '', group = ''] = resource.includes('.') ? resource.split('/').reverse() : [resource]
  return [{ operations: [...operations], apiGroups: [group], apiVersions: ['*'], resources: [name] }]
}

/** The two kinds of configuration, as far as they are the same. */
export const CONFIGURATIONS = {
  mutating: mutatingWebhookConfigurations,
  validating: validatingWebhookConfigurations as unknown as typeof mutatingWebhookConfigurations,
} as const

/** Registers a configuration for as long as `body` takes, which starts once its webhooks are asked. */
export async function registered(
  scene: Scene,
  kind: keyof typeof CONFIGURATIONS,
  server: HookServer,
  webhooks: readonly (MutatingWebhook | ValidatingWebhook)[],
  body: (name: string) => Promise<void>,
): Promise<void> {
  const { client, namespace: name } = scene
  const marker = server.to(`/${MARKER}`, {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': MARKER_NAMESPACE } },
    objectSelector: { matchLabels: { [MARKER]: name } },
  })
  const metadata = { name, labels: { [MARKER]: name } }
  await client.create(CONFIGURATIONS[kind], { metadata, webhooks: [...(webhooks as MutatingWebhook[]), marker] })
  try {
    await untilAsked(scene)
    await body(name)
  } finally {
    await client.delete(CONFIGURATIONS[kind], name).catch(() => undefined)
  }
}

/** What a webhook said that denied a call. A denial without a code and a reason has 400 and none. */
export async function denial(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    const [, said] = /^admission webhook "[^"]+" denied the request: (.*)$/.exec(error.message) ?? []
    assert.ok(said, error.message)
    assert.deepEqual([error.code, error.reason], [400, ''])
    return said
  }
  throw new Error('the call was accepted; a denial was expected')
}

/** An API server learns of a configuration by a watch: until then its webhooks are not asked. */
async function untilAsked({ client, namespace }: Scene): Promise<void> {
  const object = { metadata: { generateName: 'marker-', namespace: MARKER_NAMESPACE, labels: { [MARKER]: namespace } } }
  const isDenied = async (): Promise<boolean> => {
    try {
      await client.create(configMaps, object, { dryRun: true })
      return false
    } catch (error) {
      if (error instanceof StatusError && error.message.endsWith(`denied the request: ${MARKER}`)) return true
      throw error
    }
  }
  await untilAnswer(isDenied, Boolean)
}
