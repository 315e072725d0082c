import type { AdmissionContext, AdmissionPlugin, Attributes, Operation } from './types.ts'

const OPERATIONS: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

/** Plugins in their order: all that change the object, then all that judge it. */
export class AdmissionChain {
  readonly #context: AdmissionContext
  readonly #mutating: Readonly<Record<Operation, readonly AdmissionPlugin[]>>
  readonly #validating: Readonly<Record<Operation, readonly AdmissionPlugin[]>>

  constructor(plugins: readonly AdmissionPlugin[], context: AdmissionContext) {
    this.#context = context
    const byOperation = (has: (plugin: AdmissionPlugin) => boolean): Record<Operation, AdmissionPlugin[]> => {
      const entries = OPERATIONS.map((operation) => [
        operation,
        plugins.filter((plugin) => plugin.operations.includes(operation) && has(plugin)),
      ])
      return Object.fromEntries(entries) as Record<Operation, AdmissionPlugin[]>
    }
    this.#mutating = byOperation(({ mutate }) => mutate !== undefined)
    this.#validating = byOperation(({ validate }) => validate !== undefined)
  }

  /** Once more, and no more, when a webhook or policy changed what others had seen before it. */
  async mutate(attributes: Attributes): Promise<void> {
    await this.#mutateOnce(attributes)
    if (!attributes.reinvocation.wanted) return
    attributes.reinvocation.again = true
    await this.#mutateOnce(attributes)
  }

  async validate(attributes: Attributes): Promise<void> {
    for (const plugin of this.#validating[attributes.operation]) {
      const judging = plugin.validate!(attributes, this.#context)
      if (judging instanceof Promise) await judging
    }
  }

  async #mutateOnce(attributes: Attributes): Promise<void> {
    for (const plugin of this.#mutating[attributes.operation]) {
      const changing = plugin.mutate!(attributes, this.#context)
      if (changing instanceof Promise) await changing
    }
  }
}
