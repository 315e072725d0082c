import {
  type ConfigMap,
  type MutatingWebhook,
  mutatingWebhookConfigurations,
  type ValidatingWebhook,
  validatingWebhookConfigurations,
} from '#api'
import type { AdmissionRequest } from '#apiserver'
import type { Client } from '#client'
import { startAdmissionTest } from './admission.ts'
import { patchAnswer, startWebhookServer, type WebhookAnswer, type WebhookServer } from './webhook-server.ts'

export interface WebhookLab extends AsyncDisposable {
  readonly api: Awaited<ReturnType<typeof startAdmissionTest>>
  readonly client: Client
  readonly server: WebhookServer
}

/** An API server and a webhook server that answers with `answer`. */
export async function startWebhookLab(answer: (request: AdmissionRequest, path: string) => WebhookAnswer): Promise<WebhookLab> {
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startAdmissionTest())
  const server = stack.use(await startWebhookServer(answer))
  const owned = stack.move()
  return { api, client: api.client, server, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

export const settings = (name: string, data: Record<string, string> = {}, more: object = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'work', ...more },
  data,
})

export const mutatingWebhooks = (client: Client, name: string, ...webhooks: MutatingWebhook[]): Promise<unknown> =>
  client.create(mutatingWebhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name, labels: { test: 'yes' } },
    webhooks,
  })

export const validatingWebhooks = (client: Client, name: string, ...webhooks: ValidatingWebhook[]): Promise<unknown> =>
  client.create(validatingWebhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name, labels: { test: 'yes' } },
    webhooks,
  })

/** Adds a key to a ConfigMap. */
export const addData = (key: string) => patchAnswer([{ op: 'add', path: `/data/${key}`, value: 'yes' }])
export const deny = (message: string, code?: number) => ({
  allowed: false,
  status: { message, ...(code !== undefined && { code }) },
})
