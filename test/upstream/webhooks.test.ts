import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import type { KubernetesObject } from '#meta'
import { judgePolicies, type PolicyAnswer, type PolicyCase } from '../../src/apiserver/admission/policy/trial.ts'
import { WebhookCaller } from '../../src/apiserver/webhook-caller.ts'
import { Peer } from './peer.ts'
import { work } from './policies/cases.ts'
import { CONTROL, type HookCase, hookCases, type Review } from './policies/hook-cases.ts'

/*
 * One request and webhooks on loopback that answer hostile things: what they are sent, and what comes of it. What is kept:
 * - Redirects are followed nowhere, and nobody is asked again, whatever Retry-After says.
 * - A body that ends too early, or not in time, is told as a request that failed; upstream says that it could not be read. Protobuf is read by nobody.
 * - Upstream names its own types and schemes in a few sentences, and the resolver that knows no host; metadata of a refusal's Status goes nowhere here.
 * - An authority that is no certificate is found at the start of a connection; a path is sent as it is written.
 */
const KEPT =
  /status (429 retry|30\d elsewhere)|closed after headers|hangs in body|protobuf|number uid|no whole|patch (op number|kind|array doc)|client .*("eA=="|a%2fb|PORT\/\/x|absent\.invalid)/

const API = 'admissionregistration.k8s.io/v1'

interface Lab {
  readonly server: Server
  readonly port: number
  readonly ca: string
  readonly other: string
}

test('webhooks are asked, believed and told of as by upstream', async () => {
  await using peer = new Peer('policies')
  let seen: unknown[] = []
  let now: HookCase | undefined
  const lab = await listen((request, review, response) => {
    const { accept, host, 'content-type': type, 'user-agent': agent } = request.headers
    seen.push({ method: request.method, url: request.url, headers: { accept, agent, host, type }, review })
    const index = Number(request.url?.split('/')[1])
    const hook = now?.hooks[Number.isNaN(index) ? 0 : index] ?? now?.hooks[0]
    hook?.answer?.(review, response, request)
  })
  try {
    for (const each of hookCases()) {
      if (KEPT.test(each.name)) continue
      now = each
      const asked = askedOf(each, lab)
      seen = []
      const theirs = comparable(await peer.ask<PolicyAnswer>(asked), seen)
      seen = []
      const callers: WebhookCaller[] = []
      const call = (cache: ConstructorParameters<typeof WebhookCaller>[0]['cache']): WebhookCaller => {
        const caller = new WebhookCaller({ cache, clock: systemClock, random: systemRandom })
        callers.push(caller)
        return caller
      }
      const ours = comparable(await judgePolicies(asked, call), seen)
      for (const caller of callers) caller[Symbol.dispose]()
      assert.deepEqual(ours, theirs, each.name)
    }
  } finally {
    lab.server.closeAllConnections()
    lab.server.close()
  }
})

async function listen(serve: (request: IncomingMessage, review: Review, response: ServerResponse) => void): Promise<Lab> {
  const [own, others] = await Promise.all(
    ['webhooks', 'others'].map((name) => createAuthority(name, { clock: systemClock, random: systemRandom })),
  )
  const { certificate, key } = await own!.issue({ commonName: 'hook', hosts: ['127.0.0.1'], usages: ['server'] })
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => serve(request, JSON.parse(Buffer.concat(chunks).toString() || '{}') as Review, response))
    request.on('error', () => undefined)
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const [ca, other] = [own!, others!].map((authority) => Buffer.from(authority.certificate).toString('base64'))
  return { server, port: (server.address() as AddressInfo).port, ca: ca!, other: other! }
}

function askedOf({ hooks, type, request }: HookCase, { port, ca, other }: Lab): PolicyCase {
  const kind = type === 'mutating' ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration'
  const configurations = hooks.map(({ more, client = {} }, index) => {
    const given = { url: `https://127.0.0.1:${port}/${index}/x`, caBundle: ca, ...client } as Record<string, string>
    const url = given['url']!.replace('PORT', `https://127.0.0.1:${port}`).replace('LOCALHOST', `https://localhost:${port}`)
    const clientConfig = { ...given, url, caBundle: given['caBundle'] === 'other' ? other : given['caBundle'] }
    const webhooks = [{ name: `h${index}.hooks.example`, ...CONTROL, ...more, clientConfig }]
    return { apiVersion: API, kind, metadata: { name: `c${index}` }, webhooks } as unknown as KubernetesObject
  })
  const allowed = ['jane,get,,configmaps,,work,settings,']
  return { namespaces: [work], params: [], allowed, request, webhooks: { [type]: configurations } }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const FROM = /127\.0\.0\.1:\d+->/g

function comparable({ status, ...answer }: PolicyAnswer, seen: readonly unknown[]): unknown {
  const { message, code, reason, details } = status ?? ({} as Partial<NonNullable<typeof status>>)
  const told = { ...answer, seen, status: { message, code, reason, details } }
  return JSON.parse(
    JSON.stringify(told).replaceAll(UUID, 'UID').replaceAll(FROM, 'FROM->'),
    (_, value: unknown) => value ?? undefined,
  )
}
