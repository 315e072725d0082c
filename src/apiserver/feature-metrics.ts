import type { FeatureGates } from '#base'
import { LabelledNumbers } from './prometheus.ts'

/** Upstream's metric of which features are on. */
export class FeatureMetrics {
  readonly #gates: FeatureGates

  constructor(gates: FeatureGates) {
    this.#gates = gates
  }

  text(): string {
    const help = 'This metric records the data about the stage and enablement of a k8s feature.'
    const enabled = new LabelledNumbers('kubernetes_feature_enabled', 'gauge', help, 'BETA')
    for (const { name, stage, isOn } of this.#gates.all()) enabled.set({ name, stage: stage === 'GA' ? '' : stage }, isOn ? 1 : 0)
    return enabled.text()
  }
}
