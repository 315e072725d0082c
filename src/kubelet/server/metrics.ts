import { answer, type Endpoint, fail } from './endpoint.ts'

/** `/metrics`: of the kubelet's own process. */
export const metrics: Endpoint = {
  path: 'metrics',
  async handle(exchange) {
    if (exchange.parts.length > 0) return fail(exchange, 404, '404 page not found')
    const { Registry, collectDefaultMetrics } = await import('prom-client')
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    answer(exchange, 200, await registry.metrics(), registry.contentType)
  },
}
