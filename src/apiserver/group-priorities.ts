/** Upstream's priorities of its own groups (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/api-service-v1/). */
const PRIORITIES: Readonly<Record<string, number>> = {
  // Serves the list itself, and leads it.
  'apiregistration.k8s.io': 20_000,
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'admissionregistration.k8s.io': 16_700,
  'apiextensions.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'resource.k8s.io': 15_900,
}

const CUSTOM_GROUP_PRIORITY = 1_000

/** How far in front a group that this server serves is, among all groups: whose short names win, and where kubectl shows it. */
export const groupPriority = (group: string): number => PRIORITIES[group] ?? CUSTOM_GROUP_PRIORITY

/** Orders groups: higher priorities first, then by name. */
export const byPriority =
  <T>(groupOf: (item: T) => string, priorityOf: (group: string) => number = groupPriority) =>
  (a: T, b: T): number => {
    const [one, other] = [groupOf(a), groupOf(b)]
    return priorityOf(other) - priorityOf(one) || (one < other ? -1 : one > other ? 1 : 0)
  }
