import { apiApproval } from './api-approval.ts'
import { establishing } from './establishing.ts'
import { naming } from './naming.ts'
import { nonStructuralSchema } from './non-structural-schema.ts'
import type { Step } from './types.ts'

export type { Step, StepContext } from './types.ts'

/** In the order in which one waits for another. Each change of status is a write of its own, as if each were a controller alone. */
export const steps: readonly Step[] = [naming, establishing, apiApproval, nonStructuralSchema]
