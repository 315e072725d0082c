import { type Agent, request } from 'node:https'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { clusterRoleBindings, clusterRoles, type Pod, pods, serviceAccounts } from '#api'
import { nullLog, seededRandom, systemClock, systemRandom, VirtualClock } from '#base'
import { createClient, inProcessTransport, type Transport } from '#client'
import { createPki, identities, type Pki } from '#cluster'
import { type Kubelet, SimulatedRuntime, startKubelet } from '#kubelet'
import { startTestApiServer, type TestApiServer } from './test-api-server.ts'

/** What a client of a kubelet shows; nothing, by default. */
export interface KubeletCredentials {
  readonly cert?: string
  readonly key?: string
  readonly token?: string
}

export interface KubeletAnswer {
  readonly status: number
  readonly body: string
}

export interface CallOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A connection of its own, unless said. */
  readonly agent?: Agent
}

/** A kubelet that serves on `node-1`, and the API server that it asks about its clients. */
export interface KubeletLab extends AsyncDisposable {
  readonly api: TestApiServer
  readonly kubelet: Kubelet
  readonly pki: Pki
  /** Of all of them, and by which certificates expire; begins now, since handshakes go by the machine's. */
  readonly clock: VirtualClock
  /** Of the reviews that the kubelet asked for: `tokenreviews`, `subjectaccessreviews`. */
  readonly asked: string[]
  /** `exec CONTAINER-ID` of each stream that was opened; it ends at once. */
  readonly opened: string[]
  call(path: string, credentials?: KubeletCredentials, options?: CallOptions): Promise<KubeletAnswer>
  /** Sends text as it stands; resolves with all that came back until the connection ended. */
  raw(text: string, credentials?: KubeletCredentials): Promise<string>
  /** A connection on which nothing was said yet. */
  dial(credentials?: KubeletCredentials): TLSSocket
  certificateFor(commonName: string, organizations?: readonly string[]): Promise<KubeletCredentials>
  /** Lets somebody read a subresource of nodes. */
  grant(subject: object, subresource: string): Promise<void>
  /** Creates the pod of the node, in the namespace `default`, whose containers run when this resolves. */
  run(pod: Pod): Promise<void>
}

type Limits = NonNullable<Parameters<typeof startKubelet>[0]['serve']>['limits']

const START_MS = 5_000

export async function startKubeletLab({ limits }: { readonly limits?: Limits } = {}): Promise<KubeletLab> {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock(Date.now())
  const api = stack.use(await startTestApiServer({ clock }))
  const pki = await createPki({ clock: systemClock, random: systemRandom })
  const serving = await pki.serverCA.issue(identities.kubeletServer('node-1', ['127.0.0.1']))
  const asked: string[] = []
  const opened: string[] = []
  const inner = inProcessTransport(api.server, {
    user: { username: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] },
  })
  const transport: Transport = {
    request(request) {
      if (/reviews$/.test(request.path)) asked.push(request.path.slice(request.path.lastIndexOf('/') + 1))
      return inner.request(request)
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  const kubelet = stack.use(
    await startKubelet({
      client: createClient(transport),
      runtime: new SimulatedRuntime({ clock, random: seededRandom(2) }),
      nodeName: 'node-1',
      nodeIPs: ['127.0.0.1'],
      rootDirectory: '',
      podLogs: '',
      clusterDNS: '10.96.0.10',
      clusterDomain: 'cluster.local',
      serve: { host: '127.0.0.1', port: 0, tls: { ...serving, clientCA: pki.clientCA.certificate }, clock, limits },
      upgrades: async (_request, socket: Duplex, _head, { action, id }) => {
        opened.push(`${action} ${id}`)
        socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n')
      },
      version: 'v1.36.0',
      clock,
      random: seededRandom(3),
      log: nullLog,
    }),
  )
  const dial = ({ cert, key }: KubeletCredentials = {}): TLSSocket =>
    connect({
      host: '127.0.0.1',
      port: kubelet.port,
      ca: pki.serverCA.certificate,
      ...(cert !== undefined && { cert, key }),
    }).on('error', () => undefined)
  const owned = stack.move()
  return {
    api,
    kubelet,
    pki,
    clock,
    asked,
    opened,
    call: (path, credentials = {}, options = {}) => call({ port: kubelet.port, pki }, path, credentials, options),
    async raw(text, credentials) {
      const socket = dial(credentials)
      socket.write(text)
      let answer = ''
      for await (const chunk of socket.setEncoding('latin1')) answer += chunk
      return answer
    },
    dial,
    async certificateFor(commonName, organizations = []) {
      const { certificate, key } = await pki.clientCA.issue({ commonName, organizations, usages: ['client'] })
      return { cert: certificate, key }
    },
    grant: (subject, subresource) => grant(api, subject, subresource),
    async run(pod) {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } }
      await api.client.create(serviceAccounts, account)
      const spec = { ...pod.spec!, nodeName: 'node-1', automountServiceAccountToken: false }
      await api.client.create(pods, { ...pod, spec })
      await clock.advance(START_MS)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function call(
  { port, pki }: { readonly port: number; readonly pki: Pki },
  path: string,
  { cert, key, token }: KubeletCredentials,
  { method = 'GET', headers = {}, agent }: CallOptions,
): Promise<KubeletAnswer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: agent ?? (false as const),
      ca: pki.serverCA.certificate,
      ...(cert !== undefined && { cert, key }),
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    }
    request(options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
      .on('upgrade', ({ statusCode }, socket) => {
        socket.destroy()
        resolve({ status: statusCode ?? 0, body: '' })
      })
      .on('error', reject)
      .end()
  })
}

async function grant({ client }: TestApiServer, subject: object, subresource: string): Promise<void> {
  await client.create(clusterRoles, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: subresource },
    rules: [{ apiGroups: [''], resources: [`nodes/${subresource}`], verbs: ['get'] }],
  })
  await client.create(clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: subresource },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: subresource },
    subjects: [subject as never],
  })
}
