import { isConditionTrue, withCondition } from '../conditions.ts'
import type { Step } from './types.ts'

/** A definition whose names were accepted is served, and stays so. */
export const establishing: Step = (crd, { now }) => {
  const status = crd.status ?? {}
  if (!isConditionTrue(crd, 'NamesAccepted') || isConditionTrue(crd, 'Established')) return status
  const message = 'the initial names have been accepted'
  return withCondition(status, { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message }, now)
}
