/**
 * The least that a Node server can do over the same TLS: answer any GET with given bytes, any other request with what it was sent; stream to all who ask. On a second port TLS
 * without HTTP: what is written to every socket there is what the framing costs nothing of. Parameters: certificate, key and authority, as files.
 */
import { readFileSync } from 'node:fs'
import { ServerResponse } from 'node:http'
import { createSecureServer, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo, Server } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { answerParent } from './process.ts'

const [cert = '', key = '', ca = ''] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'))
const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: false }
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n'

let answer: Buffer = Buffer.alloc(0)
const streams = new Set<Http2ServerResponse | TLSSocket>()
const keep = (stream: Http2ServerResponse | TLSSocket): void => {
  streams.add(stream)
  stream.on('error', () => undefined)
  stream.on('close', () => streams.delete(stream))
}

const server = createSecureServer({ ...tls, allowHTTP1: true, settings: { maxConcurrentStreams: 1_000 } })
server.on('request', (request, response: Http2ServerResponse) => {
  if (request.url.includes('watch=true')) {
    response.writeHead(200, { 'content-type': 'application/json' })
    // HTTP/1.1 would wait for the first of the body.
    if (response instanceof ServerResponse) response.flushHeaders()
    keep(response)
  } else if (request.method === 'GET') send(response, answer)
  else {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => send(response, Buffer.concat(chunks)))
  }
})
const raw = createServer(tls, (socket) => {
  socket.on('error', () => undefined)
  socket.once('data', () => {
    socket.write(HEAD)
    keep(socket)
  })
})
const ports = await Promise.all([server, raw].map(listen))
answerParent({ port: ports[0], rawPort: ports[1] }, async (message) => {
  if (message.kind === 'answer') answer = Buffer.from(message.bytes, 'base64')
  if (message.kind === 'push') for (const stream of streams) stream.write(answer)
})

function send(response: Http2ServerResponse, bytes: Buffer): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(bytes.length) })
  response.end(bytes)
}

async function listen(one: Pick<Server, 'listen' | 'address'>): Promise<number> {
  await new Promise<void>((resolve) => one.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
  return (one.address() as AddressInfo).port
}
