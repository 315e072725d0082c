import type { CustomResourceDefinition, CustomResourceDefinitionCondition, CustomResourceDefinitionStatus } from '#api'

type Condition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>

export const conditionOf = (
  { status }: Pick<CustomResourceDefinition, 'status'>,
  type: string,
): CustomResourceDefinitionCondition | undefined => status?.conditions?.find((condition) => condition.type === type)

export const isConditionTrue = (crd: Pick<CustomResourceDefinition, 'status'>, type: string): boolean =>
  conditionOf(crd, type)?.status === 'True'

/** The status with that condition; the same one when it says so already. Its time is that of the last change of its status. */
export function withCondition(
  status: CustomResourceDefinitionStatus,
  condition: Condition,
  now: string,
): CustomResourceDefinitionStatus {
  const conditions = status.conditions ?? []
  const known = conditions.find(({ type }) => type === condition.type)
  if (known === undefined) return { ...status, conditions: [...conditions, { ...condition, lastTransitionTime: now }] }
  const { status: value, reason, message } = known
  if (value === condition.status && reason === condition.reason && message === condition.message) return status
  const lastTransitionTime = value === condition.status ? known.lastTransitionTime : now
  const next = { ...known, ...condition, ...(lastTransitionTime !== undefined && { lastTransitionTime }) }
  return { ...status, conditions: conditions.map((each) => (each === known ? next : each)) }
}

export const withoutCondition = (status: CustomResourceDefinitionStatus, type: string): CustomResourceDefinitionStatus =>
  status.conditions?.some((condition) => condition.type === type)
    ? { ...status, conditions: status.conditions.filter((condition) => condition.type !== type) }
    : status
