import { subscribe } from 'node:diagnostics_channel'
import type { ClientHttp2Stream } from 'node:http2'

let listening = false

/**
 * Takes in what nobody waits for any more. The headers of an answer whose request was given up meanwhile make Node create another stream, which it shows to nobody; when the connection is
 * closed with an error, as undici closes it, that stream fails with the error and without a listener, which ends the process. Such a stream alone begins with a status.
 */
export function takeLateAnswers(): void {
  if (listening) return
  listening = true
  subscribe('http2.client.stream.created', (message) => {
    const { stream, headers } = message as {
      readonly stream: ClientHttp2Stream
      readonly headers?: Readonly<Record<string, unknown>>
    }
    if (headers?.[':status'] !== undefined) stream.on('error', () => undefined)
  })
}
