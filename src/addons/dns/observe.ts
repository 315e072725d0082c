import type { Server } from 'node:http'
import type { Log } from '#base'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Listening extends AsyncDisposable {
  readonly port: number
}

/** What the server counts, under the names that dashboards for cluster DNS know. */
export interface DnsMetrics {
  request(protocol: 'udp' | 'tcp', type: string): void
  response(rcode: string, seconds: number): void
  /** The Prometheus text format. */
  text(): Promise<string>
}

const DURATION_BUCKETS = [
  0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
]
/** Query types that are counted by name; a client cannot make up new series. */
const COUNTED_TYPES = new Set([
  'A',
  'AAAA',
  'CNAME',
  'DS',
  'DNSKEY',
  'MX',
  'NS',
  'NSEC',
  'PTR',
  'RRSIG',
  'SOA',
  'SRV',
  'TXT',
  'ANY',
])

export async function openMetrics(): Promise<DnsMetrics> {
  const { Counter, Histogram, Registry } = await import('prom-client')
  const registry = new Registry()
  const registers = [registry]
  const requests = new Counter({
    name: 'coredns_dns_requests_total',
    help: 'Counter of DNS requests made per protocol and type.',
    labelNames: ['proto', 'type'],
    registers,
  })
  const responses = new Counter({
    name: 'coredns_dns_responses_total',
    help: 'Counter of response status codes.',
    labelNames: ['rcode'],
    registers,
  })
  const durations = new Histogram({
    name: 'coredns_dns_request_duration_seconds',
    help: 'Histogram of the time (in seconds) each request took.',
    buckets: DURATION_BUCKETS,
    registers,
  })
  return {
    request: (proto, type) => requests.inc({ proto, type: COUNTED_TYPES.has(type) ? type : 'other' }),
    response(rcode, seconds) {
      responses.inc({ rcode })
      durations.observe(seconds)
    },
    text: () => registry.metrics(),
  }
}

/** `/health`: the process lives; `/ready`: it knows the cluster; `/metrics`. */
export async function serveObservation(
  listen: Address,
  options: { readonly log: Log; readonly isReady: () => boolean; readonly metrics: DnsMetrics },
): Promise<Listening> {
  const { isReady, log, metrics } = options
  const { createServer } = await import('node:http')
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]
    const say = (code: number, text: string): void => void response.writeHead(code, { 'Content-Type': 'text/plain' }).end(text)
    if (path === '/health') say(200, 'OK')
    else if (path === '/ready') say(isReady() ? 200 : 503, isReady() ? 'OK' : 'kubernetes')
    else if (path === '/metrics')
      metrics.text().then(
        (text) => say(200, text),
        (error: unknown) => {
          log.warn('Metrics could not be written', { error })
          say(500, 'metrics could not be written')
        },
      )
    else say(404, '404 page not found')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, resolve)
  })
  const address = server.address()
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: typeof address === 'object' && address !== null ? address.port : listen.port, [Symbol.asyncDispose]: close }
}
