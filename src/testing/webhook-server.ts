import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { MutatingWebhook } from '#api'
import type { AdmissionRequest } from '#apiserver'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'

/** What a test's webhook answers: the `response` without its uid, or what to do with the connection. */
export type WebhookAnswer =
  | Readonly<Record<string, unknown>>
  | ((review: { readonly apiVersion: string; readonly request: AdmissionRequest }, response: ServerResponse) => void)

/** A real admission webhook on 127.0.0.1, also known as `hook.work.svc`. */
export interface WebhookServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Base64, as `clientConfig.caBundle` takes it. */
  readonly caBundle: string
  /** What was asked, in order. */
  readonly requests: AdmissionRequest[]
  /** Paths with their queries, in order. */
  readonly paths: string[]
  /** Resolves when so many requests have come. */
  received(count: number): Promise<void>
}

export async function startWebhookServer(
  answer: (request: AdmissionRequest, path: string) => WebhookAnswer | Promise<WebhookAnswer>,
): Promise<WebhookServer> {
  const { ca, certificate, key } = await certificates()
  const [requests, paths]: [AdmissionRequest[], string[]] = [[], []]
  let waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void serve(request, response)
  })
  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const review = JSON.parse(Buffer.concat(chunks).toString()) as { apiVersion: string; kind: string; request: AdmissionRequest }
    const path = incoming.url ?? ''
    requests.push(review.request)
    paths.push(path)
    const due = waiting.filter(({ count }) => count <= requests.length)
    waiting = waiting.filter(({ count }) => count > requests.length)
    for (const { resolve } of due) resolve()
    const given = await answer(review.request, path)
    if (typeof given === 'function') {
      given(review, response)
      return
    }
    response.setHeader('content-type', 'application/json')
    const { apiVersion, kind } = review
    response.end(JSON.stringify({ apiVersion, kind, response: { uid: review.request.uid, ...given } }))
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(ca).toString('base64'),
    requests,
    paths,
    received: (count) =>
      requests.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A patch as a webhook answers it. */
export const patchAnswer = (operations: readonly object[]): Readonly<Record<string, unknown>> => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
})

/** A webhook of a configuration that asks `server` at `path` about ConfigMaps, unless `more` says otherwise. */
export const webhookTo = (
  { url, caBundle }: Pick<WebhookServer, 'url' | 'caBundle'>,
  path: string,
  more: Partial<MutatingWebhook> = {},
): MutatingWebhook => ({
  name: `${path.slice(1).replaceAll('/', '-') || 'root'}.hooks.example`,
  clientConfig: { url: `${url}${path}`, caBundle },
  rules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
})

let shared: Promise<{ readonly ca: string; readonly certificate: string; readonly key: string }> | undefined

/** One pair for all tests of a process: keys take longer than most tests. */
function certificates(): NonNullable<typeof shared> {
  shared ??= (async () => {
    const authority = await createAuthority('webhooks', { clock: systemClock, random: systemRandom })
    const hosts = ['127.0.0.1', 'hook.work.svc']
    return { ca: authority.certificate, ...(await authority.issue({ commonName: 'hook', hosts, usages: ['server'] })) }
  })()
  return shared
}
