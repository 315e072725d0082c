import type * as Grpc from '@grpc/grpc-js'
import { systemClock } from '#base'
import type { EncryptionMetrics } from '../metrics.ts'
import { type DecryptRequest, type EncryptResponse, kmsCodec, type StatusResponse } from './messages.ts'

/** A plugin that holds the keys which encrypt our keys. All reject with the plugin's error, in gRPC's form. */
export interface KmsService extends Disposable {
  status(): Promise<StatusResponse>
  encrypt(uid: string, plaintext: Uint8Array): Promise<EncryptResponse>
  decrypt(request: DecryptRequest): Promise<Uint8Array>
}

export interface KmsServiceOptions {
  readonly name: string
  /** `unix:///run/kms.sock` */
  readonly endpoint: string
  readonly timeoutMs: number
  readonly metrics: EncryptionMetrics
}

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
const RECONNECT_MS_MAX = 1_000

/** KMS v2 by gRPC on a unix socket; connects when first used and again when broken. A call waits for the plugin within its time. */
export async function connectToKms({ name, endpoint, timeoutMs, metrics }: KmsServiceOptions): Promise<KmsService> {
  const grpc: typeof Grpc = await import('@grpc/grpc-js')
  const client = new grpc.Client(`unix:${new URL(endpoint).pathname}`, grpc.credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
    'grpc.use_local_subchannel_pool': 1,
  })
  const call = async <T>(method: string, request: object): Promise<T> => {
    const timing = metrics.call(name, `/v2.KeyManagementService/${method}`)
    try {
      const answer = await unary<T>(client, method, request, systemClock.now() + timeoutMs)
      timing.done()
      return answer
    } catch (error) {
      timing.failed(error)
      throw error
    }
  }
  return {
    status: () => call<StatusResponse>('Status', {}),
    encrypt: (uid, plaintext) => call<EncryptResponse>('Encrypt', { plaintext, uid }),
    async decrypt(request) {
      const { plaintext } = await call<{ plaintext?: Uint8Array }>('Decrypt', request)
      return plaintext ?? new Uint8Array()
    },
    [Symbol.dispose]: () => client.close(),
  }
}

function unary<T>(client: Grpc.Client, method: string, request: object, deadline: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    client.makeUnaryRequest(
      `/v2.KeyManagementService/${method}`,
      (value: object) => kmsCodec.encode(`${method}Request`, value),
      (bytes: Buffer) => kmsCodec.decode(`${method}Response`, bytes) as T,
      request,
      { deadline, waitForReady: true } as Grpc.CallOptions,
      (error, value) => (error === null ? resolve(value as T) : reject(described(error))),
    )
  })
}

/** As Go prints a gRPC error. */
function described(error: Grpc.ServiceError): Error {
  const name = NAMES[error.code] ?? 'Unknown'
  return Object.assign(new Error(`rpc error: code = ${name} desc = ${error.details}`, { cause: error }), { code: error.code })
}

const NAMES: Readonly<Record<number, string>> = {
  1: 'Canceled',
  2: 'Unknown',
  3: 'InvalidArgument',
  4: 'DeadlineExceeded',
  5: 'NotFound',
  7: 'PermissionDenied',
  8: 'ResourceExhausted',
  9: 'FailedPrecondition',
  12: 'Unimplemented',
  13: 'Internal',
  14: 'Unavailable',
  16: 'Unauthenticated',
}
