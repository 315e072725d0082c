import { type FlowController, flowControlMetrics } from './flow-control/index.ts'
import type { WatchCache } from './watch-cache/watch-cache.ts'

/** The Prometheus text of this process and of what the server holds; prom-client is loaded by the first scrape. */
export async function metricsText(
  cache: WatchCache,
  flows: FlowController,
): Promise<{ readonly text: string; readonly contentType: string }> {
  const { Gauge, Registry, collectDefaultMetrics } = await import('prom-client')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const objects = new Gauge({
    name: 'apiserver_storage_objects',
    help: 'Number of stored objects by resource.',
    labelNames: ['resource'],
    registers: [registry],
  })
  for (const { resource, size } of cache.all()) {
    objects.set({ resource: resource.group === '' ? resource.names.plural : `${resource.names.plural}.${resource.group}` }, size)
  }
  return { text: `${await registry.metrics()}\n${flowControlMetrics(flows)}`, contentType: registry.contentType }
}
