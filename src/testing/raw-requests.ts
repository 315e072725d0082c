import type { ApiServer } from '#apiserver'
import type { TransportRequest, UserInfo, WatchFrame } from '#client'
import type { KubernetesObject, ListMeta, ObjectMeta, StatusDetails } from '#meta'
import { TEST_ADMIN } from './test-api-server.ts'

/** What tests read of an answer: of an object, a list or a Status. What is not there reads as undefined. */
export interface AnswerObject {
  readonly kind: string
  readonly metadata: ObjectMeta & ListMeta & { readonly resourceVersion: string }
  readonly items: readonly KubernetesObject[]
  readonly message: string
  readonly reason: string
  readonly details: StatusDetails
}

export interface Answer {
  readonly code: number
  readonly headers: Readonly<Record<string, string>>
  readonly object: AnswerObject
  /** An answer that is no object. */
  readonly text: string
}

export interface AskOptions {
  readonly user?: UserInfo
  /** Bytes go as they are. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

interface Asked {
  readonly server: Pick<ApiServer, 'handle'>
}

/** Sends one request as it stands: `ask(api, 'GET /api/v1/pods?limit=1')`. */
export async function ask(api: Asked, line: string, options: AskOptions = {}): Promise<Answer> {
  const { status, headers, body } = await send(api, line, options)
  const object = (body.kind === 'object' ? body.object : {}) as AnswerObject
  const text = body.kind === 'bytes' ? Buffer.from(body.bytes).toString() : ''
  return { code: status, headers, object, text }
}

/** What a watch sends, one frame at a time; `next` resolves with undefined once it has ended. */
export interface WatchAnswer extends AsyncDisposable {
  next(): Promise<WatchFrame | undefined>
  /** `ADDED a`, `BOOKMARK 12`, `ERROR Expired` ... of the next frames. */
  told(count: number): Promise<string[]>
  /** Everything until the end. */
  rest(): Promise<string[]>
}

export async function askWatch(api: Asked, line: string, options: AskOptions = {}): Promise<WatchAnswer> {
  const { status, body } = await send(api, line, options)
  if (body.kind !== 'watch') throw new Error(`${line} was answered ${status} with ${body.kind}`)
  const frames = body.frames[Symbol.asyncIterator]()
  const next = async (): Promise<WatchFrame | undefined> => {
    const { done, value } = await frames.next()
    return done ? undefined : value
  }
  return {
    next,
    async told(count) {
      const lines: string[] = []
      while (lines.length < count) {
        const frame = await next()
        if (frame === undefined) return [...lines, 'end']
        lines.push(textOf(frame))
      }
      return lines
    },
    async rest() {
      const lines: string[] = []
      for (let frame = await next(); frame !== undefined; frame = await next()) lines.push(textOf(frame))
      return lines
    },
    async [Symbol.asyncDispose]() {
      await frames.return?.()
    },
  }
}

/** The metadata of what a frame is about. */
export const metadataOf = (frame: WatchFrame | undefined): ObjectMeta =>
  (frame?.object as KubernetesObject | undefined)?.metadata ?? {}

function textOf({ type, object }: WatchFrame): string {
  const { metadata, reason } = object as { metadata?: { name?: string; resourceVersion?: string }; reason?: string }
  return `${type} ${type === 'ERROR' ? reason : type === 'BOOKMARK' ? metadata?.resourceVersion : metadata?.name}`
}

function send({ server }: Asked, line: string, { user = TEST_ADMIN, body, headers, signal }: AskOptions) {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  return server.handle(
    {
      method: method as TransportRequest['method'],
      path,
      query: new URLSearchParams(query),
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && {
        body: body instanceof Uint8Array ? { kind: 'bytes', bytes: body } : { kind: 'object', object: body },
      }),
      ...(signal && { signal }),
    },
    { kind: 'in-process', user },
  )
}
