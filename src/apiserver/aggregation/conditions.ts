import { type APIService, type APIServiceCondition, apiServices } from '#api'
import type { Client } from '#client'
import { formatTime, isConflict, isNotFound } from '#meta'

export type Verdict = Pick<APIServiceCondition, 'status' | 'reason' | 'message'>

/** Writes whether an APIService can be used; nothing when it says so already. */
export async function setAvailable(client: Client, service: APIService, verdict: Verdict, nowMs: number): Promise<void> {
  const conditions = service.status?.conditions ?? []
  const known = conditions.find(({ type }) => type === 'Available')
  if (known?.status === verdict.status && known?.reason === verdict.reason && known?.message === verdict.message) return
  const lastTransitionTime =
    known?.status === verdict.status && known.lastTransitionTime ? known.lastTransitionTime : formatTime(nowMs)
  const condition: APIServiceCondition = { type: 'Available', lastTransitionTime, ...verdict }
  const others = conditions.filter(({ type }) => type !== 'Available')
  try {
    await client.updateStatus(apiServices, { ...service, status: { ...service.status, conditions: [...others, condition] } })
  } catch (error) {
    // Whoever wrote in between has caused another look.
    if (!isConflict(error) && !isNotFound(error)) throw error
  }
}
