import assert from 'node:assert/strict'
import { Agent, request } from 'node:https'
import { systemClock } from '#base'
import type { Servers, Side, Who } from './servers.ts'

/** A request as it goes out. A body that is no text or bytes is sent as JSON. */
export interface Asked {
  readonly method?: string
  readonly target: string
  readonly who?: Who
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Answered {
  readonly status: number
  /** By lower-case name, in the order of their names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends requests to one of the two and to both. */
export class Exchange implements Disposable {
  readonly #servers: Servers
  readonly #agents = new Map<string, Agent>()

  constructor(servers: Servers) {
    this.#servers = servers
  }

  async ask(side: Side, asked: Asked): Promise<Answered> {
    const { method = 'GET', target, who = 'admin', headers = {}, body } = asked
    const bytes = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
    const type = bytes === undefined || 'content-type' in headers ? {} : { 'content-type': 'application/json' }
    const length = bytes === undefined ? {} : { 'content-length': String(Buffer.byteLength(bytes)) }
    return new Promise((resolve, reject) => {
      const sent = request({
        host: '127.0.0.1',
        port: side.port,
        method,
        path: target,
        agent: this.#agentOf(side, who),
        headers: { ...type, ...length, ...headers },
        setDefaultHeaders: true,
      })
      sent.once('error', reject)
      sent.once('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const all = Object.entries(response.headersDistinct).sort(([a], [b]) => (a < b ? -1 : 1))
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(
              all.map(([name, values]) => [name, (values ?? []).join(name === 'warning' ? ', ' : ' | ')]),
            ),
            body: Buffer.concat(chunks).toString(/protobuf/.test(response.headers['content-type'] ?? '') ? 'latin1' : 'utf8'),
          })
        })
      })
      sent.end(bytes)
    })
  }

  toBoth(asked: Asked): Promise<Answered[]> {
    return Promise.all([this.#servers.ours, this.#servers.theirs].map((side) => this.ask(side, asked)))
  }

  /** Asks until both answer as wished. */
  async untilBoth(asked: Asked, wish: (answered: Answered) => boolean): Promise<void> {
    // Definitions come into use on each side when they do.
    while (!(await this.toBoth(asked)).every(wish)) await systemClock.sleep(50)
  }

  /** What both say, with what may differ taken out. */
  async both(asked: Asked): Promise<{ readonly ours: Answered; readonly theirs: Answered }> {
    const [ours, theirs] = await Promise.all([this.ask(this.#servers.ours, asked), this.ask(this.#servers.theirs, asked)])
    return { ours: comparable(ours), theirs: comparable(theirs) }
  }

  /** Fails where the two differ. */
  async same(asked: Asked): Promise<Answered> {
    const { ours, theirs } = await this.both(asked)
    assert.deepEqual(ours, theirs, `${asked.method ?? 'GET'} ${asked.target}`)
    return ours
  }

  #agentOf(side: Side, who: Who): Agent {
    const key = `${side.name} ${who}`
    let agent = this.#agents.get(key)
    if (agent === undefined) {
      agent = new Agent({ keepAlive: true, ca: this.#servers.ca, ...this.#servers.identities[who] })
      this.#agents.set(key, agent)
    }
    return agent
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
  }
}

export function comparableHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(headers)
    .filter(([name]) => !FRAMING.includes(name))
    .map(([name, value]) => [name, OWN_VALUES.includes(name) ? 'some' : value])
  return Object.fromEntries(kept) as Readonly<Record<string, string>>
}

/** Headers whose values are nobody's business, only that they are there. */
const OWN_VALUES = ['audit-id', 'date', 'etag', 'last-modified', 'expires']
/** How an answer is cut into pieces, and whether its connection lasts, is each library's. */
const FRAMING = ['keep-alive', 'connection', 'transfer-encoding', 'content-length']

export function comparable({ status, headers, body }: Answered): Answered {
  return { status, headers: comparableHeaders(headers), body: inOrder(withoutChance(body)) }
}

/** The order of an object's fields is no part of what it says. */
export function inOrder(body: string): string {
  const indent = /^\{\n( +)/.exec(body)?.[1]?.length
  try {
    return body
      .split(/(?<=\})(\n)(?=\{|$)/)
      .map((part) => (part.startsWith('{') ? JSON.stringify(sorted(JSON.parse(part)), null, indent) : part))
      .join('')
  } catch {
    return body
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]))
}

export const withoutChance = (body: string): string =>
  body
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UID')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME')
    .replace(/("resourceVersion": ?)"[1-9]\d*"/g, '$1"REVISION"')
    .replace(/("continue": ?)"[^"]+"/g, '$1"TOKEN"')
    .replace(/, current: \d+/g, ', current: REVISION')
    .replace(/(too old resource version: \d+) \(\d+\)/g, '$1 (REVISION)')
    .replace(/in record \(\d+\)/g, 'in record (REVISION)')
    .replace(/(resourceVersion: )"[1-9]\d*"/g, '$1"REVISION"')
