import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Client, createClient, httpTransport } from '#client'
import { identities } from '#cluster'
import type { Pki } from '../../src/cluster/pki-directory.ts'

const PROGRAM = join(import.meta.dirname, 'etcd-server-process.ts')

export interface ServerProcess extends AsyncDisposable {
  readonly process: ChildProcess
  readonly url: string
  /** Of an administrator. */
  readonly client: Client
}

export interface ServerProcessOptions {
  readonly pki: Pki
  readonly pkiDirectory: string
  /** `etcd=URL,URL`, whichever of them, or `own=URL,URL`, of which the first is preferred. */
  readonly store: string
  readonly address: string
  /** Where its controllers' and its scheduler's writes are kept. */
  readonly record?: string | undefined
  /** Without controllers and a scheduler. */
  readonly alone?: boolean | undefined
  /** Where it runs and listens: its address, and the words that start a program there; else on loopback. */
  readonly place?: { readonly address: string; readonly through: readonly string[] } | undefined
}

/** A control plane, or an API server alone, in a process of its own, once it serves. Disposing kills it. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { pki, pkiDirectory, store, address, record = '', place = { address: '127.0.0.1', through: [] } } = options
  const words = [...place.through, process.execPath, '--conditions=source', PROGRAM]
  const [program = '', ...rest] = [
    ...words,
    store,
    pkiDirectory,
    address,
    record,
    place.address,
    ...(options.alone ? ['api-server'] : []),
  ]
  const running = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(running.stdout!, 'data')) as [Buffer]
  const { certificate, key } = await pki.clientCA.issue(identities.admin)
  const url = `https://${place.address}:${Number(line.toString())}`
  const transport = httpTransport({ server: url, ca: pki.serverCA.certificate, certificate, key })
  return {
    process: running,
    url,
    client: createClient(transport),
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]()
      if (running.exitCode !== null || running.signalCode !== null) return
      const ended = once(running, 'exit')
      running.kill('SIGKILL')
      await ended
    },
  }
}
