import { answerJson, type Endpoint } from './endpoint.ts'

/** `/stats/summary` */
export const stats: Endpoint = {
  path: 'stats',
  async handle(exchange) {
    const all = await exchange.runtime.containerStats()
    answerJson(exchange, {
      node: {},
      pods: all.map(({ labels, cpuUsageNanoseconds, memoryWorkingSetBytes }) => ({
        podRef: labels,
        cpu: { usageCoreNanoSeconds: cpuUsageNanoseconds },
        memory: { workingSetBytes: memoryWorkingSetBytes },
      })),
    })
  },
}
