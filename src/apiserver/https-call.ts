import type { IncomingHttpHeaders } from 'node:http'
import type { RequestOptions } from 'node:https'

export interface HttpsAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/**
 * Sends one request to a server outside the cluster and reads the whole answer, of at most `answerBytesMax` bytes. Follows no redirect. Rejects when there is
 * no such answer before `signal` aborts.
 */
export async function callHttps(
  options: RequestOptions,
  body: string | undefined,
  { answerBytesMax, signal }: { readonly answerBytesMax: number; readonly signal: AbortSignal },
): Promise<HttpsAnswer> {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const outgoing = request({ ...options, headers: { ...options.headers, ...length }, signal })
    outgoing.on('error', reject)
    // Of a switch of protocols that nobody asked for; past an answer it says nothing more.
    outgoing.on('close', () => reject(new Error('EOF')))
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = []
      let received = 0
      response.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (received > answerBytesMax) response.destroy(new Error(`the answer is longer than ${answerBytesMax} bytes`))
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      )
    })
    outgoing.end(body)
  })
}
