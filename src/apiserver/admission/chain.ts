import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

/** Plugins in their order: all that change the object, then all that judge it. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[]
  readonly #context: AdmissionContext

  constructor(plugins: readonly AdmissionPlugin[], context: AdmissionContext) {
    this.#plugins = plugins
    this.#context = context
  }

  async mutate(attributes: Attributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.operations.includes(attributes.operation)) await plugin.mutate?.(attributes, this.#context)
    }
  }

  async validate(attributes: Attributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.operations.includes(attributes.operation)) await plugin.validate?.(attributes, this.#context)
    }
  }
}
