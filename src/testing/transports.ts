import type { ListenOptions } from '#apiserver'
import { type Clock, systemClock, systemRandom } from '#base'
import { httpTransport, inProcessTransport, type Transport, type TransportRequest, type UserInfo } from '#client'
import { createAuthority } from '#cluster'
import type { TestApiServer } from './test-api-server.ts'

/** Gives each user a transport of their own to one API server; owned by the stack it was made with. */
export type Connect = (user: UserInfo) => Transport

/** The ways to reach an API server: what is true over one is true over all. */
export const TRANSPORTS: Readonly<Record<string, (api: TestApiServer, stack: AsyncDisposableStack) => Promise<Connect>>> = {
  'in process': async ({ server }) => {
    return (user) => inProcessTransport(server, { user })
  },
  https: async (api, stack) => {
    const { authority, serving } = await certificates()
    const tls = { ...serving, clientCA: authority.certificate }
    const listener = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))
    const server = `https://127.0.0.1:${listener.port}`
    return (user) =>
      stack.use(later(clientCertificate(user).then((own) => httpTransport({ server, ca: authority.certificate, ...own }))))
  },
}

/** What a server serves TLS with, and what a user shows it. */
export async function certificatesFor(user: UserInfo): Promise<{
  readonly tls: ListenOptions['tls']
  readonly client: KeyPair & { readonly ca: string }
}> {
  const { authority, serving } = await certificates()
  const own = await clientCertificate(user)
  return { tls: { ...serving, clientCA: authority.certificate }, client: { ...own, ca: authority.certificate } }
}

type Authority = Awaited<ReturnType<typeof createAuthority>>
type KeyPair = Awaited<ReturnType<Authority['issue']>>

let shared: Promise<{ readonly authority: Authority; readonly serving: KeyPair }> | undefined
const issued = new Map<string, Promise<KeyPair>>()

/** One authority for all tests of a process: keys take longer than most tests. */
function certificates(): NonNullable<typeof shared> {
  shared ??= (async () => {
    // Certificates are checked against real time, whatever the test's clock.
    const dependencies: { clock: Clock; random: typeof systemRandom } = { clock: systemClock, random: systemRandom }
    const authority = await createAuthority('test', dependencies)
    return {
      authority,
      serving: await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] }),
    }
  })()
  return shared
}

function clientCertificate({ username, groups }: UserInfo): Promise<KeyPair> {
  // The server adds this group to whoever it knows.
  const organizations = groups.filter((group) => group !== 'system:authenticated')
  const id = JSON.stringify([username, organizations])
  const known = issued.get(id)
  if (known !== undefined) return known
  const pair = certificates().then(({ authority }) =>
    authority.issue({ commonName: username, organizations, usages: ['client'] }),
  )
  issued.set(id, pair)
  return pair
}

function later(transport: Promise<Transport>): Transport {
  return {
    request: async (request: TransportRequest) => (await transport).request(request),
    upgrade: async (request: TransportRequest) => (await transport).upgrade!(request),
    [Symbol.asyncDispose]: async () => (await transport)[Symbol.asyncDispose](),
  }
}
