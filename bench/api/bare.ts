/** The least that a Node server can do over the same TLS: answer any GET with given bytes, any other request with what it was sent; stream to all who ask. */
import { createSecureServer, type Http2ServerResponse } from 'node:http2'
import { answerParent } from './usage.ts'

let answer: Buffer = Buffer.alloc(0)
const streams = new Set<Http2ServerResponse>()

answerParent(async (message) => {
  if (message.kind === 'serve') {
    const server = createSecureServer({ ...message.tls, requestCert: true, rejectUnauthorized: false, allowHTTP1: true })
    server.on('request', (request, response: Http2ServerResponse) => {
      if (request.url.includes('watch=true')) {
        response.writeHead(200, { 'content-type': 'application/json' })
        streams.add(response)
        response.on('close', () => streams.delete(response))
        return
      }
      if (request.method === 'GET') {
        send(response, answer)
        return
      }
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => send(response, Buffer.concat(chunks)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return typeof address === 'object' ? address?.port : undefined
  }
  if (message.kind === 'answer') answer = Buffer.from(message.bytes, 'base64')
  if (message.kind === 'push') for (const stream of streams) stream.write(answer)
  return undefined
})
process.send?.({ kind: 'up' })

function send(response: Http2ServerResponse, bytes: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(bytes.length) })
  response.end(bytes)
}
