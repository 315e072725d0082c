import type { CustomResourceDefinition, CustomResourceDefinitionStatus } from '#api'

export interface StepContext {
  /** The other definitions of the same group. */
  readonly others: readonly CustomResourceDefinition[]
  /** RFC 3339. */
  readonly now: string
}

/** What one controller of upstream's makes of a definition's status; the same status when it has nothing to say. */
export type Step = (crd: CustomResourceDefinition, context: StepContext) => CustomResourceDefinitionStatus
