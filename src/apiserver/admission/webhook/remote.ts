import { createHash } from 'node:crypto'
import type { Agent, RequestOptions } from 'node:https'
import type { WebhookClientConfig } from '#api'
import type { AdmissionContext } from '../types.ts'
import { CallError } from './hook.ts'
import type { AdmissionReview } from './review.ts'
import { endpointOfService } from './service-endpoint.ts'

/** A webhook that answers more is not believed. */
const RESPONSE_BYTES_MAX = 3 * 1024 * 1024
/** Authorities with connections kept open. */
const AGENTS_MAX = 64

/** Calls webhooks over HTTPS, on connections that are kept for the next call. Follows no redirect. */
export class WebhookClient implements Disposable {
  readonly #agents = new Map<string, Agent>()

  /** Resolves with the decoded answer; throws a {@link CallError} for everything else. */
  async call(
    config: WebhookClientConfig,
    url: string,
    review: AdmissionReview,
    context: AdmissionContext,
    signal: AbortSignal,
  ): Promise<unknown> {
    const target = new URL(url)
    const direct = config.service === undefined ? undefined : await endpoint(config, url, context)
    const body = Buffer.from(JSON.stringify(review))
    const text = await this.#post(url, body, signal, {
      host: direct?.host ?? unbracketed(target.hostname),
      port: direct?.port ?? (target.port === '' ? 443 : Number(target.port)),
      servername: /^[\d.]+$|:/.test(target.hostname) ? '' : target.hostname,
      path: target.pathname + target.search,
      method: 'POST',
      headers: {
        host: target.host,
        accept: 'application/json, */*',
        'content-type': 'application/json',
        'content-length': body.length,
        'user-agent': 'kube-apiserver-admission',
      },
      agent: await this.#agent(config.caBundle),
    })
    try {
      return JSON.parse(text) as unknown
    } catch (error) {
      throw new CallError(`the webhook's answer is no JSON: ${(error as Error).message}`, { cause: error })
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  async #agent(caBundle: string | undefined): Promise<Agent> {
    const id = createHash('sha256')
      .update(caBundle ?? '')
      .digest('hex')
    const known = this.#agents.get(id)
    if (known !== undefined) return known
    const { Agent: HttpsAgent } = await import('node:https')
    const oldest = this.#agents.keys().next().value
    if (this.#agents.size >= AGENTS_MAX && oldest !== undefined) {
      this.#agents.get(oldest)?.destroy()
      this.#agents.delete(oldest)
    }
    const agent = new HttpsAgent({
      keepAlive: true,
      ...(caBundle && { ca: Buffer.from(caBundle, 'base64').toString() }),
    })
    this.#agents.set(id, agent)
    return agent
  }

  async #post(url: string, body: Buffer, signal: AbortSignal, options: RequestOptions): Promise<string> {
    const { request } = await import('node:https')
    const failed = (why: string, cause?: unknown): CallError => new CallError(`Post "${url}": ${why}`, { cause })
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...options, signal }, (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > RESPONSE_BYTES_MAX) {
            reject(failed(`the response is longer than ${RESPONSE_BYTES_MAX} bytes`))
            outgoing.destroy()
          } else chunks.push(chunk)
        })
        response.on('error', (error) => reject(failed(error.message, error)))
        response.on('close', () => reject(failed('unexpected EOF')))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const why = refusal(response.statusCode ?? 0, text)
          if (why === undefined) resolve(text)
          else reject(new CallError(why))
        })
      })
      outgoing.on('error', (error: NodeJS.ErrnoException) => reject(failed(explain(error), error)))
      outgoing.end(body)
    })
  }
}

async function endpoint(config: WebhookClientConfig, url: string, context: AdmissionContext) {
  try {
    return await endpointOfService(config.service!, context)
  } catch (error) {
    throw new CallError(`Post "${url}": ${(error as Error).message}`, { cause: error })
  }
}

const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')

/** Words of upstream's client for an answer that is no success; redirects are none. */
function refusal(code: number, text: string): string | undefined {
  if (code >= 200 && code < 300) return undefined
  if (code === 404) return 'the server could not find the requested resource'
  if (code >= 500)
    return `an error on the server (${JSON.stringify(text.slice(0, 2048))}) has prevented the request from succeeding`
  return `the server responded with the status code ${code} but did not return more information`
}

const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function explain(error: NodeJS.ErrnoException): string {
  const { code = '', message } = error
  if (UNKNOWN_AUTHORITY.has(code)) return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
  if (code === 'CERT_HAS_EXPIRED') return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid'
  if (code === 'ECONNRESET') return 'EOF'
  if (code === 'ECONNREFUSED') return `${message.replace(/^connect ECONNREFUSED/, 'dial tcp')}: connect: connection refused`
  return message
}
