import { LabelledNumbers } from './prometheus.ts'

/** How checks came out, which `/metrics/slis` tells (https://kubernetes.io/docs/reference/instrumentation/slis/). */
export class HealthMetrics {
  readonly #last = new LabelledNumbers(
    'kubernetes_healthcheck',
    'gauge',
    'This metric records the result of a single healthcheck.',
    'STABLE',
  )
  readonly #all = new LabelledNumbers(
    'kubernetes_healthchecks_total',
    'counter',
    'This metric records the results of all healthcheck.',
    'STABLE',
  )

  checked(type: string, name: string, isWell: boolean): void {
    this.#last.set({ name, type }, isWell ? 1 : 0)
    this.#all.add({ name, status: isWell ? 'success' : 'error', type })
  }

  text(): string {
    return this.#last.text() + this.#all.text()
  }
}
