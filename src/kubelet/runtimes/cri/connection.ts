import type * as Grpc from '@grpc/grpc-js'
import { systemClock } from '#base'
import { RuntimeError, type RuntimeErrorCode } from '../runtime.ts'
import { criCodec } from './codec.ts'

export interface CallOptions {
  /** Absent: as long as it takes. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const MESSAGE_BYTES_MAX = 16 * 1024 * 1024
const RECONNECT_MS_MAX = 1000

/** gRPC to a runtime on a unix socket (`unix:///run/containerd/containerd.sock`); connects when first used and again when broken. */
export class CriConnection implements Disposable {
  readonly #grpc: typeof Grpc
  readonly #client: Grpc.Client

  constructor(grpc: typeof Grpc, endpoint: string) {
    this.#grpc = grpc
    this.#client = new grpc.Client(endpoint, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
      // Each runtime has its own socket; a shared channel pool would only outlive us.
      'grpc.use_local_subchannel_pool': 1,
    })
  }

  static async open(endpoint: string): Promise<CriConnection> {
    return new CriConnection(await import('@grpc/grpc-js'), endpoint)
  }

  runtime<T>(method: string, request: object, options?: CallOptions): Promise<T> {
    return this.#unary('RuntimeService', method, request, options)
  }

  image<T>(method: string, request: object, options?: CallOptions): Promise<T> {
    return this.#unary('ImageService', method, request, options)
  }

  /** Responses of a streaming call, until the server ends it; breaking the loop cancels it. */
  async *stream<T>(
    path: string,
    request: object,
    messages: { readonly request: string; readonly response: string },
    signal: AbortSignal,
  ): AsyncIterable<T> {
    signal.throwIfAborted()
    const call = this.#client.makeServerStreamRequest<object, T>(
      path,
      encoder(messages.request),
      decoder(messages.response),
      request,
    )
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      for await (const message of call) yield message as T
    } catch (error) {
      signal.throwIfAborted()
      throw this.#translate(error)
    } finally {
      signal.removeEventListener('abort', cancel)
      call.cancel()
    }
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }

  #unary<T>(service: string, method: string, request: object, { timeoutMs, signal }: CallOptions = {}): Promise<T> {
    const path = `/runtime.v1.${service}/${method}`
    // Failing fast is right: whoever calls has its own back-off, and a runtime that is down shows at once.
    const options: Grpc.CallOptions = timeoutMs === undefined ? {} : { deadline: deadlineIn(timeoutMs) }
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted()
      const call = this.#client.makeUnaryRequest<object, T>(
        path,
        encoder(`${method}Request`),
        decoder(`${method}Response`),
        request,
        new this.#grpc.Metadata(),
        options,
        (error, response) => {
          signal?.removeEventListener('abort', cancel)
          if (signal?.aborted) reject(signal.reason)
          else if (error !== null) reject(this.#translate(error))
          else resolve(response as T)
        },
      )
      const cancel = (): void => call.cancel()
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  #translate(error: unknown): RuntimeError {
    const { code, details, message } = error as Partial<Grpc.ServiceError>
    const { status } = this.#grpc
    const codes: Partial<Record<number, RuntimeErrorCode>> = {
      [status.NOT_FOUND]: 'NotFound',
      [status.ALREADY_EXISTS]: 'AlreadyExists',
      [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
      [status.UNAVAILABLE]: 'Unavailable',
      [status.UNIMPLEMENTED]: 'Unimplemented',
      [status.INVALID_ARGUMENT]: 'InvalidArgument',
    }
    return new RuntimeError(codes[code ?? -1] ?? 'Unknown', details || message || 'the runtime failed', { cause: error })
  }
}

/** grpc-js takes points in time of the system's clock. */
function deadlineIn(timeoutMs: number): Date {
  return new Date(systemClock.now() + timeoutMs)
}

const encoder =
  (message: string) =>
  (value: object): Buffer =>
    Buffer.from(criCodec.encode(message, value))

const decoder =
  <T>(message: string) =>
  (bytes: Buffer): T =>
    criCodec.decode(message, bytes) as T
