import { once } from 'node:events'
import { connect } from 'node:tls'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import type { TestApiServer } from './test-api-server.ts'

/** A door of a test's API server, through which bytes go as they are. */
export interface Door extends AsyncDisposable {
  readonly port: number
  /** Of the administrator. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string }
  /** Sends bytes over HTTP/1.1 as the administrator and resolves with all that comes until the server ends the connection. */
  send(bytes: string | Uint8Array): Promise<string>
}

export async function openDoor(api: Pick<TestApiServer, 'server'>): Promise<Door> {
  const authority = await createAuthority('test-authority', { clock: systemClock, random: systemRandom })
  const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  const own = await authority.issue({ commonName: 'admin', organizations: ['system:masters'], usages: ['client'] })
  const tls = { ca: authority.certificate, cert: own.certificate, key: own.key }
  const listener = await api.server.listen({ host: '127.0.0.1', port: 0, tls: { ...serving, clientCA: authority.certificate } })
  const { port } = listener
  return {
    port,
    tls,
    async send(bytes) {
      const socket = connect({ host: '127.0.0.1', port, ...tls, ALPNProtocols: ['http/1.1'] })
      // Whoever attacks is cut off, sometimes while it is still sending.
      socket.on('error', () => undefined)
      const closed = once(socket, 'close')
      const chunks: Buffer[] = []
      socket.on('data', (chunk: Buffer) => chunks.push(chunk))
      await once(socket, 'secureConnect')
      socket.write(bytes)
      await closed
      return Buffer.concat(chunks).toString()
    },
    [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose](),
  }
}
