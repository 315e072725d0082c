import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'

export interface TestRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** The common name of the client's certificate, if it showed one. */
  readonly client: string | undefined
}

export interface TestHttpsServer extends AsyncDisposable {
  readonly port: number
  /** PEM in base64, as `caBundle` fields hold it. */
  readonly caBundle: string
  readonly requests: readonly TestRequest[]
}

type Handler = (request: TestRequest, response: ServerResponse) => unknown

/** A real HTTPS server on loopback (or `address`) for `hosts`. What the handler returns is sent as JSON; undefined: it answered itself. */
export async function startHttpsServer(
  hosts: readonly string[],
  handler: Handler,
  { address = '127.0.0.1' }: { readonly address?: string } = {},
): Promise<TestHttpsServer> {
  const { createServer } = await import('node:https')
  const authority = await createAuthority('test', { clock: systemClock, random: systemRandom })
  const { certificate, key } = await authority.issue({ commonName: hosts[0]!, hosts: [...hosts], usages: ['server'] })
  const requests: TestRequest[] = []
  const server = createServer({ cert: certificate, key, requestCert: true, rejectUnauthorized: false }, (incoming, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of incoming) chunks.push(chunk as Buffer)
      const subject = (incoming.socket as TLSSocket).getPeerCertificate().subject as { CN?: string } | undefined
      const request: TestRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
        client: subject?.CN,
      }
      requests.push(request)
      const answer = await handler(request, response)
      if (answer !== undefined) response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
      else if (!response.writableEnded) response.end()
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  return {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
