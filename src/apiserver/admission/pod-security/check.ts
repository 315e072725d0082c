import type { Container, Pod, SecurityContext } from '#api'

export interface Violation {
  readonly reason: string
  readonly detail: string
}

/** What a check looks at: a pod, or the template of one. */
export type PodLike = Pick<Pod, 'metadata' | 'spec'>

/** One control of the Pod Security Standards (https://kubernetes.io/docs/concepts/security/pod-security-standards/). */
export interface Check {
  /** Upstream's name; findings come in the order of names. */
  readonly id: string
  /** From which minor version of the standard on it looks so. The last one that is not too new counts. */
  readonly versions: readonly { readonly since: number; run(pod: PodLike): Violation | undefined }[]
  /** The baseline check whose place it takes. */
  readonly replaces?: string
}

export const containersOf = ({ spec }: PodLike): readonly Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...((spec?.ephemeralContainers ?? []) as unknown as Container[]),
]

export const isWindows = ({ spec }: PodLike): boolean => spec?.os?.name === 'windows'

/** Root inside such a pod is nobody outside of it (KEP-127). */
export const hasUserNamespace = ({ spec }: PodLike): boolean => spec?.hostUsers === false

export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many)

export const quoted = (names: Iterable<string>): string => [...names].map((name) => JSON.stringify(name)).join(', ')

/** `container "a"`, `containers "a", "b"` */
export const named = (names: readonly string[]): string => `${plural('container', 'containers', names.length)} ${quoted(names)}`

export const sortedSet = (values: Iterable<string>): string[] => [...new Set(values)].sort()

/** `pod and container "a"`, of those whose security context is bad; undefined when none is. */
export function settersOf(
  { spec }: PodLike,
  containers: readonly Container[],
  isBad: (context: Pick<SecurityContext, PodContextField>) => boolean,
): string | undefined {
  const bad = containers.filter(({ securityContext }) => securityContext !== undefined && isBad(securityContext))
  const setters = [
    ...(spec?.securityContext !== undefined && isBad(spec.securityContext) ? ['pod'] : []),
    ...(bad.length > 0 ? [named(bad.map(({ name }) => name))] : []),
  ]
  return setters.length === 0 ? undefined : setters.join(' and ')
}

/** Fields that a pod's security context shares with a container's. */
export type PodContextField =
  | 'appArmorProfile'
  | 'runAsNonRoot'
  | 'runAsUser'
  | 'seLinuxOptions'
  | 'seccompProfile'
  | 'windowsOptions'
