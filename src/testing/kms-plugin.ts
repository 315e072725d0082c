import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** The messages of the KMS v2 plugin API and of what is stored, read by another library than ours. */
export const kmsMessages = protobuf.parse(
  `syntax = "proto3";
  message StatusRequest {}
  message StatusResponse { string version = 1; string healthz = 2; string keyId = 3; }
  message DecryptRequest { bytes ciphertext = 1; string uid = 2; string keyId = 3; map<string, bytes> annotations = 4; }
  message DecryptResponse { bytes plaintext = 1; }
  message EncryptRequest { bytes plaintext = 1; string uid = 2; }
  message EncryptResponse { bytes ciphertext = 1; string keyId = 2; map<string, bytes> annotations = 3; }
  message EncryptedObject {
    bytes encryptedData = 1; string keyID = 2; bytes encryptedDEKSource = 3; map<string, bytes> annotations = 4;
    int32 encryptedDEKSourceType = 5;
  }`,
  { keepCase: true },
).root

type Message = Record<string, unknown>

/** A key management plugin on a unix socket: AES-GCM under a key of its own for each key id, so that only it can read what it encrypted. */
export interface TestKmsPlugin extends AsyncDisposable {
  readonly endpoint: string
  /** The names of the calls it got, in order. */
  readonly calls: string[]
  keyId: string
  healthz: string
  /** What its calls fail with, as long as it is set. */
  failure: string | undefined
}

export async function startKmsPlugin(): Promise<TestKmsPlugin> {
  const directory = mkdtempSync(join(tmpdir(), 't8s-kms-'))
  const keys = new Map<string, Buffer>()
  const keyOf = (id: string): Buffer => {
    const key = keys.get(id) ?? randomBytes(32)
    keys.set(id, key)
    return key
  }
  const plugin = { keyId: '1', healthz: 'ok', failure: undefined as string | undefined, calls: [] as string[] }
  const answers: Readonly<Record<string, (request: Message) => Message>> = {
    Status: () => ({ version: 'v2', healthz: plugin.healthz, keyId: plugin.keyId }),
    Encrypt: ({ plaintext }) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', keyOf(plugin.keyId), nonce)
      const body = Buffer.concat([cipher.update(plaintext as Uint8Array), cipher.final()])
      const annotations = { 'version.kms.example.com': Buffer.from('1') }
      return { ciphertext: Buffer.concat([nonce, cipher.getAuthTag(), body]), keyId: plugin.keyId, annotations }
    },
    Decrypt: ({ ciphertext, keyId }) => {
      const box = ciphertext as Buffer
      const decipher = createDecipheriv('aes-256-gcm', keyOf(keyId as string), box.subarray(0, 12)).setAuthTag(
        box.subarray(12, 28),
      )
      return { plaintext: Buffer.concat([decipher.update(box.subarray(28)), decipher.final()]) }
    },
  }
  const server = new grpc.Server()
  for (const [name, answer] of Object.entries(answers)) {
    const [request, response] = [kmsMessages.lookupType(`${name}Request`), kmsMessages.lookupType(`${name}Response`)]
    const definition = {
      path: `/v2.KeyManagementService/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Message) => Buffer.from(request.encode(value).finish()),
      requestDeserialize: (bytes: Buffer) => request.toObject(request.decode(bytes)) as Message,
      responseSerialize: (value: Message) => Buffer.from(response.encode(value).finish()),
      responseDeserialize: (bytes: Buffer) => response.toObject(response.decode(bytes)) as Message,
    }
    server.addService(
      { [name]: definition },
      {
        [name]: (call: grpc.ServerUnaryCall<Message, Message>, done: grpc.sendUnaryData<Message>) => {
          plugin.calls.push(name)
          try {
            if (plugin.failure !== undefined) throw new Error(plugin.failure)
            done(null, answer(call.request))
          } catch (error) {
            done({ code: grpc.status.UNAVAILABLE, details: (error as Error).message })
          }
        },
      },
    )
  }
  const path = join(directory, 'kms.sock')
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    )
  })
  return Object.assign(plugin, {
    endpoint: `unix://${path}`,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
      rmSync(directory, { recursive: true, force: true })
    },
  })
}
