import { type ValidatingAdmissionPolicy, validatingAdmissionPolicies } from '#api'
import { isNotFound } from '#meta'
import { defineController, done } from '../framework/index.ts'
import { typeWarnings } from './type-checking.ts'

/** Tells in a policy's status where its expressions do not fit the types that it matches. */
export const validatingAdmissionPolicyStatus = defineController<ValidatingAdmissionPolicy>({
  name: 'validatingadmissionpolicy-status-controller',
  for: validatingAdmissionPolicies,
  async reconcile({ key, cache, client, signal }) {
    const policy = cache(validatingAdmissionPolicies).get(key)
    const generation = policy?.metadata?.generation
    if (policy === undefined || generation === undefined || policy.status?.observedGeneration === generation) return done
    const expressionWarnings = await typeWarnings(policy)
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {}
    try {
      await client.updateStatus(
        validatingAdmissionPolicies,
        { ...policy, status: { ...policy.status, observedGeneration: generation, typeChecking } },
        { signal },
      )
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return done
  },
})
