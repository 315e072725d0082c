import type { Job, Pod, PodFailurePolicy, PodFailurePolicyRule } from '#api'

/** What a rule of `spec.podFailurePolicy` says of a failed pod; without one the failure counts. */
export interface PolicyMatch {
  readonly action: 'FailJob' | 'Ignore' | 'Count' | 'FailIndex' | undefined
  readonly counts: boolean
  /** Why the Job fails (FailJob). */
  readonly message: string | undefined
}

const COUNTS: PolicyMatch = { action: undefined, counts: true, message: undefined }

/** The first rule that fits decides (https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy). */
export function matchFailurePolicy({ spec }: Job, pod: Pod): PolicyMatch {
  for (const [at, rule] of rulesOf(spec?.podFailurePolicy).entries()) {
    const reason = matchExitCodes(rule, pod) ?? matchConditions(rule, pod)
    if (reason === undefined) continue
    const action = rule.action as NonNullable<PolicyMatch['action']>
    const message = action === 'FailJob' ? `${reason} matching ${action} rule at index ${at}` : undefined
    return { action, counts: action !== 'Ignore', message }
  }
  return COUNTS
}

const rulesOf = (policy: PodFailurePolicy | undefined): readonly PodFailurePolicyRule[] => policy?.rules ?? []

function matchExitCodes({ onExitCodes }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  if (onExitCodes === undefined) return undefined
  const { containerName, operator, values } = onExitCodes
  for (const { name, state } of [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]) {
    if (containerName !== undefined && containerName !== name) continue
    const code = state?.terminated?.exitCode
    // Success is never a failure's reason, also not for NotIn.
    if (code === undefined || code === 0 || values.includes(code) !== (operator === 'In')) continue
    return `Container ${name} for pod ${metadata?.namespace}/${metadata?.name} failed with exit code ${code}`
  }
  return undefined
}

function matchConditions({ onPodConditions = [] }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  for (const { type, status: is = 'True' } of onPodConditions) {
    if (status?.conditions?.some((condition) => condition.type === type && condition.status === is))
      return `Pod ${metadata?.namespace}/${metadata?.name} has condition ${type}`
  }
  return undefined
}
