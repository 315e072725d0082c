import type { TransportResponse } from '#client'
import type { HealthMetrics } from './health-metrics.ts'
import { replyPlain, replyText } from './response.ts'

export interface HealthCheck {
  readonly name: string
  /** Throws or returns a sentence when it is not well. */
  check(): string | undefined | Promise<string | undefined>
}

const ENDPOINTS = ['healthz', 'livez', 'readyz'] as const

export type HealthEndpoint = (typeof ENDPOINTS)[number]

const isEndpoint = (name: string): name is HealthEndpoint => ENDPOINTS.includes(name as HealthEndpoint)

/** Serves `/healthz`, `/livez`, `/readyz`, each also per check, with `?verbose` and `?exclude`; undefined for other paths. */
export async function health(
  path: string,
  query: URLSearchParams,
  checks: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>,
  metrics: HealthMetrics,
): Promise<TransportResponse | undefined> {
  const [, endpoint = '', name] = /^\/([^/]+)(?:\/(.*))?$/.exec(path) ?? []
  if (!isEndpoint(endpoint)) return undefined
  const all = checks[endpoint]
  if (name !== undefined) {
    const found = all.find((each) => each.name === name)
    if (found === undefined) return undefined
    const problem = await run(found)
    return problem === undefined ? replyPlain('ok') : replyText(500, `internal server error: ${problem}\n`)
  }
  const excluded = new Set(query.getAll('exclude'))
  const results = await Promise.all(
    all.map(async (each) => ({
      name: each.name,
      problem: excluded.has(each.name) ? undefined : await run(each),
      excluded: excluded.has(each.name),
    })),
  )
  for (const { name: each, problem, excluded: out } of results) if (!out) metrics.checked(endpoint, each, problem === undefined)
  const failed = results.filter(({ problem }) => problem !== undefined)
  if (failed.length === 0 && !query.has('verbose')) return replyText(200, 'ok')
  const lines = results.map(({ name: each, problem, excluded: out }) =>
    out ? `[+]${each} excluded: ok` : problem === undefined ? `[+]${each} ok` : `[-]${each} failed: reason withheld`,
  )
  const unknown = [...excluded].filter((each) => !all.some((check) => check.name === each)).sort()
  if (unknown.length > 0) {
    const names = unknown.map((each) => JSON.stringify(each)).join(',')
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`)
  }
  const verdict = failed.length === 0 ? `${endpoint} check passed` : `${endpoint} check failed`
  return replyText(failed.length === 0 ? 200 : 500, `${[...lines, verdict].join('\n')}\n`)
}

async function run({ check }: HealthCheck): Promise<string | undefined> {
  try {
    return await check()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
