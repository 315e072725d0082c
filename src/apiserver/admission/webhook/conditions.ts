import type { ResourceDefinition } from '#api'
import { forbidden } from '#meta'
import type { AdmissionContext, Attributes } from '../types.ts'
import type { Hook } from './hook.ts'

/** Whether every match condition holds. One that can't be evaluated is a failure of the webhook. */
export async function conditionsHold(
  { matchConditions, failurePolicy, name }: Pick<Hook, 'matchConditions' | 'failurePolicy' | 'name'>,
  _matched: ResourceDefinition,
  { resource, name: object }: Attributes,
  _context: AdmissionContext,
): Promise<boolean> {
  if (!matchConditions?.length) return true
  if (failurePolicy === 'Ignore') return false
  throw forbidden(resource, object, `the match conditions of webhook ${JSON.stringify(name)} can't be evaluated`)
}
