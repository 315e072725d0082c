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

/** GET as upstream's probes and hooks do it: any certificate, redirects on the same host followed by the caller's rules. */
export async function httpGet(
  action: HTTPGetAction,
  container: Container,
  podIP: string,
  timeoutMs: number,
  agent: string,
): Promise<{ status: number; body: string }> {
  const secure = action.scheme === 'HTTPS'
  const { request } = secure ? await import('node:https') : await import('node:http')
  const headers: Record<string, string> = { 'user-agent': agent, accept: '*/*' }
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value
  return new Promise((resolve, reject) => {
    const path = action.path ?? '/'
    const options = {
      host: action.host || podIP,
      port: portOf(action.port, container),
      path: path.startsWith('/') ? path : `/${path}`,
      headers,
      agent: false as const,
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(timeoutMs),
    }
    const outgoing = request(options, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        if (length < BODY_BYTES_MAX) chunks.push(chunk)
        length += chunk.length
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString().slice(0, BODY_BYTES_MAX) }),
      )
      response.on('error', reject)
    })
    outgoing.on('error', (error) =>
      reject(
        error.name === 'TimeoutError' || error.name === 'AbortError'
          ? new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
          : error,
      ),
    )
    outgoing.end()
  })
}

async function httpProbe(action: HTTPGetAction, container: Container, podIP: string, timeoutMs: number): Promise<Outcome> {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase()
  const port = portOf(action.port, container)
  const path = action.path ?? '/'
  try {
    const { status } = await httpGet(action, container, podIP, timeoutMs, 'kube-probe/1.36')
    if (status >= 200 && status < 400) return { ok: true, message: '' }
    return { ok: false, message: `HTTP probe failed with statuscode: ${status}` }
  } catch (error) {
    return { ok: false, message: `Get "${scheme}://${action.host || podIP}:${port}${path}": ${(error as Error).message}` }
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
    socket.once('error', (error) => {
      socket.destroy()
      resolve({
        ok: false,
        message: `dial tcp ${host}:${port}: ${/abort|timeout/i.test(error.message) ? 'i/o timeout' : error.message}`,
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
    const request = service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name])
    const status = await new Promise<number>((resolve, reject) => {
      const pass = (bytes: Buffer): Buffer => bytes
      client.makeUnaryRequest(
        '/grpc.health.v1.Health/Check',
        pass,
        pass,
        request,
        { deadline: new Date(performance.timeOrigin + performance.now() + timeoutMs) },
        (error, response) => {
          if (error !== null) reject(error)
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
