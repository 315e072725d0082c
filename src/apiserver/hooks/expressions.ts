import {
  loadExpressions,
  mutatingAdmissionPolicies,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingWebhookConfigurations,
} from '#api'
import type { KubernetesObject } from '#meta'
import { type Hook, nothingToDo, type Transaction } from './types.ts'

/** The expression language is loaded before the first webhook or policy that has any is checked. */
export const expressionHooks: readonly Hook<KubernetesObject>[] = [
  mutatingAdmissionPolicies,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingWebhookConfigurations,
].map((resource) => ({ resource, beginCreate: prepared, beginUpdate: prepared, async afterDelete() {} }))

async function prepared(draft: KubernetesObject): Promise<Transaction> {
  if (JSON.stringify(draft).includes('xpression')) await loadExpressions()
  return nothingToDo
}
