const KUBE_VERSION = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/
const STAGES: Readonly<Record<string, number>> = { alpha: 0, beta: 1 }

/**
 * Orders version names by falling preference: GA before beta before alpha, higher numbers first, other names last and by the alphabet:
 * v10, v2, v1, v11beta2, v10beta3, v3beta1, v12alpha1, v11alpha2, foo1, foo10
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority).
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)]
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return a < b ? -1 : a > b ? 1 : 0
    return left === undefined ? 1 : -1
  }
  for (const [index, rank] of left.entries()) if (rank !== right[index]) return right[index]! - rank
  return 0
}

function rankOf(version: string): readonly number[] | undefined {
  const match = KUBE_VERSION.exec(version)
  if (match === null) return undefined
  const [, major, stage, minor] = match
  return [stage === undefined ? 2 : STAGES[stage]!, Number(major), Number(minor ?? 0)]
}
