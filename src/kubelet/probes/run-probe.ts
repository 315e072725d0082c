import type { Container, HTTPGetAction } from '#api'
import type { Clock } from '#base'
import { type Runtime, RuntimeError } from '../runtimes/runtime.ts'
import type { Target } from './prober.ts'

export interface Outcome {
  readonly ok: boolean
  readonly message: string
}

interface Dependencies {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly signal: AbortSignal
}

const BODY_BYTES_MAX = 10 * 1024

/** Runs one probe once. A probe that can't be run has failed. */
export async function runProbe({ probe, container, containerId, podIP }: Target, dependencies: Dependencies): Promise<Outcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  try {
    if (probe.exec !== undefined) return await execProbe(probe.exec.command ?? [], containerId, timeoutMs, dependencies.runtime)
    const kind = probe.httpGet !== undefined ? 'http' : probe.tcpSocket !== undefined ? 'tcp' : 'grpc'
    const answered = await dependencies.runtime.answerProbe?.(containerId, kind)
    if (answered !== undefined) return answered
    const host = podIP() ?? ''
    if (probe.httpGet !== undefined) return await httpProbe(probe.httpGet, container, host, timeoutMs)
    if (probe.tcpSocket !== undefined)
      return await tcpProbe(probe.tcpSocket.host || host, portOf(probe.tcpSocket.port, container), timeoutMs)
    if (probe.grpc !== undefined) return await grpcProbe(host, probe.grpc.port, probe.grpc.service ?? '', timeoutMs)
    return { ok: true, message: '' }
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) }
  }
}

async function execProbe(command: readonly string[], containerId: string, timeoutMs: number, runtime: Runtime): Promise<Outcome> {
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(containerId, command, timeoutMs / 1000)
    const output = Buffer.concat([stdout, stderr]).subarray(0, BODY_BYTES_MAX).toString()
    return { ok: exitCode === 0, message: output }
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'DeadlineExceeded') {
      return {
        ok: false,
        message: `command timed out: ${JSON.stringify(command.join(' '))} timed out after ${timeoutMs / 1000}s`,
      }
    }
    throw error
  }
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  if (/^\d+$/.test(port)) return Number(port)
  const found = container.ports?.find(({ name }) => name === port)
  if (found === undefined) throw new Error(`port ${JSON.stringify(port)} is no port of the container`)
  return found.containerPort
}

/** GET as upstream's probes and hooks do it: any certificate will do, and redirects are followed as long as they stay on the host. */
export async function httpGet(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  timeoutMs: number,
  agent: string,
): Promise<HttpResult> {
  const headers: Record<string, string> = { 'user-agent': agent, accept: '*/*' }
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value
  const signal = AbortSignal.timeout(timeoutMs)
  let url = new URL(urlOf(action, container, podIP))
  for (let hop = 0; ; hop++) {
    const result = await getOnce(url, headers, signal)
    if (result.location === undefined) return result
    if (hop === REDIRECTS_MAX) throw new Error(`stopped after ${REDIRECTS_MAX} redirects`)
    const next = new URL(result.location, url)
    // Where another host would answer, the redirect itself is the answer.
    if (next.hostname !== url.hostname) return result
    url = next
  }
}

const REDIRECTS_MAX = 10

interface HttpResult {
  readonly status: number
  readonly body: string
  readonly location?: string | undefined
}

function urlOf({ scheme, host, port, path = '/' }: HTTPGetAction, container: Container, podIP: string): string {
  const name = host || podIP
  const authority = name.includes(':') ? `[${name}]` : name
  return `${(scheme ?? 'HTTP').toLowerCase()}://${authority}:${portOf(port, container)}${path.startsWith('/') ? path : `/${path}`}`
}

async function getOnce(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<HttpResult> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  return new Promise((resolve, reject) => {
    const options = { headers, agent: false as const, rejectUnauthorized: false, signal }
    const outgoing = request(url, options, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        if (length < BODY_BYTES_MAX) chunks.push(chunk)
        length += chunk.length
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString().slice(0, BODY_BYTES_MAX),
          location: isRedirect(response.statusCode) ? response.headers.location : undefined,
        }),
      )
      response.on('error', reject)
    })
    outgoing.on('error', (error) =>
      reject(
        error.name === 'TimeoutError' || error.name === 'AbortError'
          ? new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
          : new Error(dialError(error), { cause: error }),
      ),
    )
    outgoing.end()
  })
}

const isRedirect = (status: number | undefined): boolean => [301, 302, 303, 307, 308].includes(status ?? 0)

/** A failed connection in the words that operators know from events. */
function dialError(error: NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network is unreachable',
    ETIMEDOUT: 'connection timed out',
  }
  const known = words[error.code ?? '']
  return known === undefined || error.address === undefined
    ? error.message
    : `dial tcp ${error.address}:${error.port}: connect: ${known}`
}

async function httpProbe(action: HTTPGetAction, container: Container, podIP: string, timeoutMs: number): Promise<Outcome> {
  const url = urlOf(action, container, podIP)
  try {
    const { status } = await httpGet(action, container, podIP, timeoutMs, 'kube-probe/1.36')
    if (status >= 200 && status < 400) return { ok: true, message: '' }
    return { ok: false, message: `HTTP probe failed with statuscode: ${status}` }
  } catch (error) {
    return { ok: false, message: `Get ${JSON.stringify(url)}: ${(error as Error).message}` }
  }
}

async function tcpProbe(host: string, port: number, timeoutMs: number): Promise<Outcome> {
  const { connect } = await import('node:net')
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) })
    socket.once('connect', () => {
      socket.destroy()
      resolve({ ok: true, message: '' })
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.destroy()
      resolve({
        ok: false,
        message: /abort|timeout/i.test(error.message) ? `dial tcp ${host}:${port}: i/o timeout` : dialError(error),
      })
    })
  })
}

const SERVING = 1

/** grpc.health.v1.Health/Check; the messages are a string and an enum, so they are written by hand. */
async function grpcProbe(host: string, port: number, service: string, timeoutMs: number): Promise<Outcome> {
  const { Client, credentials } = await import('@grpc/grpc-js')
  const client = new Client(`${host}:${port}`, credentials.createInsecure())
  try {
    const name = Buffer.from(service)
    const request = service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
    const status = await new Promise<number>((resolve, reject) => {
      const pass = (bytes: Buffer): Buffer => bytes
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        pass,
        pass,
        request,
        { deadline: new Date(performance.timeOrigin + performance.now() + timeoutMs) },
        (error, response) => {
          if (error !== null) reject(new Error(grpcError(error, `${host}:${port}`, timeoutMs), { cause: error }))
          else resolve(response !== undefined && response[0] === 0x08 ? (response[1] ?? 0) : 0)
        },
      )
    })
    if (status === SERVING) return { ok: true, message: '' }
    return {
      ok: false,
      message: `service unhealthy (responded with "${['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'][status] ?? status}")`,
    }
  } finally {
    client.close()
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

const GRPC_UNIMPLEMENTED = 12
const GRPC_CONNECTING = [4, 14]

function grpcError(error: { readonly code?: number; readonly details?: string }, address: string, timeoutMs: number): string {
  if (error.code === GRPC_UNIMPLEMENTED) return 'this server does not implement the grpc health protocol (grpc.health.v1.Health)'
  if (GRPC_CONNECTING.includes(error.code ?? -1))
    return `timeout: failed to connect service ${JSON.stringify(address)} within ${timeoutMs / 1000}s: context deadline exceeded`
  return `rpc error: code = ${error.code} desc = ${error.details}`
}
