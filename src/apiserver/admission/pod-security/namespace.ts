import { type Pod, pods } from '#api'
import type { AdmissionContext } from '../types.ts'
import {
  compareLevels,
  type LevelVersion,
  MODES,
  type Policy,
  printOwnPolicy,
  printPolicy,
  printReasons,
  violations,
} from './policy.ts'

/** Pods that are looked at when a namespace's level changes. */
const PODS_MAX = 3_000

/** What existing pods a namespace's new level would refuse, with those of one kind of fault on one line. */
export function namespaceWarnings(
  namespace: string,
  old: LevelVersion,
  next: LevelVersion,
  { cache, exemptRuntimeClasses }: Pick<AdmissionContext, 'cache'> & { readonly exemptRuntimeClasses: readonly string[] },
): string[] {
  if (next.level === 'privileged' || (next.minor === old.minor && compareLevels(next.level, old.level) <= 0)) return []
  const all = cache
    .of(pods)
    .list(namespace)
    .map(({ object }) => object as Pod)
  const byReason = new Map<string, string[]>()
  for (const pod of all.slice(0, PODS_MAX)) {
    if (pod.spec?.runtimeClassName && exemptRuntimeClasses.includes(pod.spec.runtimeClassName)) continue
    const found = violations(pod, next)
    if (found.length === 0) continue
    const reasons = printReasons(found)
    byReason.set(reasons, [...(byReason.get(reasons) ?? []), pod.metadata?.name ?? ''])
  }
  const warnings: string[] = []
  if (all.length > PODS_MAX)
    warnings.push(`new PodSecurity enforce level only checked against the first ${PODS_MAX} of ${all.length} existing pods`)
  if (byReason.size > 0)
    warnings.push(
      `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level "${printPolicy(next)}"`,
    )
  return [...warnings, ...[...byReason].map(([reasons, names]) => `${sayNames(names)}: ${reasons}`).sort()]
}

/** Whoever asks for something where nothing is enforced is told that it comes to nothing. */
export function exemptionWarnings(
  namespace: string,
  policy: Policy,
  { defaults, labels }: { readonly defaults: Policy; readonly labels: Readonly<Record<string, string>> | undefined },
): string[] {
  const isFree = MODES.every((mode) => policy[mode].level === 'privileged')
  const isDefault = MODES.every((mode) => printPolicy(policy[mode]) === printPolicy(defaults[mode]))
  if (isFree || isDefault) return []
  const said = printOwnPolicy(policy, labels)
  return [`namespace ${JSON.stringify(namespace)} is exempt from Pod Security, and the policy (${said}) will be ignored`]
}

function sayNames(names: readonly string[]): string {
  const [first = '', ...others] = [...names].sort()
  if (others.length === 0) return first
  return `${first} (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`
}
