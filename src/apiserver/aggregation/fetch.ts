import type { UserInfo } from '#client'
import { callUpstream } from '../http/upstream.ts'
import { type RemoteDependencies, type RemoteService, remoteTarget } from './remote.ts'

const BYTES_MAX = 32 * 1024 * 1024

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly accept?: string
}

/** A whole answer of an extension server, read by the aggregation layer itself. Rejects when there is none in time. */
export async function fetchRemote(
  service: RemoteService,
  user: UserInfo,
  path: string,
  dependencies: RemoteDependencies,
  { signal, timeoutMs, accept = 'application/json' }: FetchOptions,
): Promise<{ readonly status: number; readonly body: string }> {
  const target = remoteTarget(service, user, { path, headers: { accept } }, dependencies)
  const expired = new AbortController()
  using _timer = dependencies.clock.after(timeoutMs, () => expired.abort(new Error('context deadline exceeded')))
  const options = { ...target.options, method: 'GET' }
  const response = await callUpstream({ ...target, options }, undefined, AbortSignal.any([signal, expired.signal]))
  const chunks: Uint8Array[] = []
  let length = 0
  if (response.body.kind === 'stream') {
    for await (const chunk of response.body.stream) {
      length += chunk.length
      if (length > BYTES_MAX) throw new Error(`the answer is longer than ${BYTES_MAX} bytes`)
      chunks.push(chunk)
    }
  }
  return { status: response.status, body: Buffer.concat(chunks).toString() }
}
