import { isPodTerminal } from '#api'
import { containerLogs } from './container-logs.ts'
import { answer, answerJson, type Endpoint } from './endpoint.ts'
import { metrics } from './metrics.ts'
import { stats } from './stats.ts'

const healthz: Endpoint = {
  path: 'healthz',
  handle: async (exchange) => answer(exchange, 200, 'ok', 'text/plain; charset=utf-8'),
}

const pods: Endpoint = {
  path: 'pods',
  handle: async (exchange) => answerJson(exchange, podList(exchange.view.pods())),
}

const runningPods: Endpoint = {
  path: 'runningpods',
  async handle(exchange) {
    const running = exchange.view.pods().filter((pod) => !isPodTerminal(pod))
    answerJson(exchange, podList(running.map(({ metadata, spec }) => ({ metadata, spec, status: {} }))))
  },
}

const configz: Endpoint = {
  path: 'configz',
  async handle(exchange) {
    answerJson(exchange, { kubeletconfig: exchange.view.configuration() })
  },
}

const podList = (items: readonly object[]): object => ({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items })

export const endpoints: readonly Endpoint[] = [configz, containerLogs, healthz, metrics, pods, runningPods, stats]
