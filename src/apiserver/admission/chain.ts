import type { Duration, Phase } from './metrics.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes, Operation } from './types.ts'

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

interface Step {
  readonly run: (attributes: Attributes, context: AdmissionContext) => Promise<void> | void
  readonly duration: Duration
}

/** What is asked of one kind of write, and how long all of it took. */
interface Steps {
  readonly each: readonly Step[]
  readonly duration: Duration
}

/** Plugins in their order: all that change the object, then all that judge it. */
export class AdmissionChain {
  readonly #context: AdmissionContext
  readonly #mutating: Readonly<Record<Operation, Steps>>
  readonly #validating: Readonly<Record<Operation, Steps>>

  constructor(plugins: readonly AdmissionPlugin[], context: AdmissionContext) {
    this.#context = context
    const { metrics } = context
    const byOperation = (phase: Phase, runOf: (plugin: AdmissionPlugin) => Step['run'] | undefined): Record<Operation, Steps> => {
      const entries = OPERATIONS.map((operation): [Operation, Steps] => {
        const each = plugins.flatMap((plugin) => {
          const run = plugin.operations.includes(operation) ? runOf(plugin) : undefined
          return run === undefined ? [] : [{ run, duration: metrics.controller(plugin.name, phase, operation) }]
        })
        return [operation, { each, duration: metrics.step(phase, operation) }]
      })
      return Object.fromEntries(entries) as Record<Operation, Steps>
    }
    this.#mutating = byOperation(
      'admit',
      (plugin) => plugin.mutate && ((attributes, context) => plugin.mutate!(attributes, context)),
    )
    this.#validating = byOperation(
      'validate',
      (plugin) => plugin.validate && ((attributes, context) => plugin.validate!(attributes, context)),
    )
  }

  /** Once more, and no more, when a webhook or policy changed what others had seen before it. */
  async mutate(attributes: Attributes): Promise<void> {
    const steps = this.#mutating[attributes.operation]
    await this.#run(steps, attributes)
    if (!attributes.reinvocation.wanted) return
    attributes.reinvocation.again = true
    await this.#run(steps, attributes)
  }

  validate(attributes: Attributes): Promise<void> {
    return this.#run(this.#validating[attributes.operation], attributes)
  }

  /** The clock is read once between two plugins. */
  async #run({ each, duration }: Steps, attributes: Attributes): Promise<void> {
    const { clock } = this.#context
    const startedAtMs = clock.monotonic()
    let beganAtMs = startedAtMs
    // By number: an iterator would make an object for each step.
    for (let index = 0; index < each.length; index++) {
      const step = each[index]!
      try {
        const working = step.run(attributes, this.#context)
        if (working instanceof Promise) await working
      } catch (error) {
        const endedAtMs = clock.monotonic()
        step.duration.observe(endedAtMs - beganAtMs, true)
        duration.observe(endedAtMs - startedAtMs, true)
        throw error
      }
      const endedAtMs = clock.monotonic()
      step.duration.observe(endedAtMs - beganAtMs, false)
      beganAtMs = endedAtMs
    }
    duration.observe(beganAtMs - startedAtMs, false)
  }
}
