import { cadvisorMetrics, resourceMetrics } from './container-metrics.ts'
import { answer, type Endpoint, type Exchange, fail } from './endpoint.ts'
import { CONTENT_TYPE, type Family, printFamilies } from './exposition.ts'

const BELOW: Readonly<Record<string, (exchange: Exchange) => Family[]>> = {
  cadvisor: cadvisorMetrics,
  resource: resourceMetrics,
}

/** `/metrics` of the kubelet's own process; below it, of what runs on the node. */
export const metrics: Endpoint = {
  path: 'metrics',
  async handle(exchange) {
    const below = exchange.parts.join('/')
    if (below !== '') {
      const families = Object.hasOwn(BELOW, below) ? BELOW[below] : undefined
      if (families === undefined) return fail(exchange, 404, '404 page not found')
      return answer(exchange, 200, printFamilies(families(exchange)), CONTENT_TYPE)
    }
    const { Registry, collectDefaultMetrics } = await import('prom-client')
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    answer(exchange, 200, await registry.metrics(), registry.contentType)
  },
}
