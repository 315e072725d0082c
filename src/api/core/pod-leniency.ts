import type { Container, PodSpec } from '../generated/types.ts'
import { foundBy } from '../validation/findings.ts'
import { labelValue, NONE } from '../validation/names.ts'
import { CONTAINER_LISTS, hasContainer, isSidecar } from './pod-facts.ts'
import { validateLabelKeys } from './validate-label-keys.ts'
import { descendingName } from './validate-path.ts'
import { isDivisible, isHugePages } from './validate-resources.ts'
import { affinityTerms, validateTermSelectors } from './validate-scheduling.ts'
import { isHostSysctl } from './validate-security.ts'
import { validateSpreadSelector } from './validate-spread.ts'

/**
 * What a pod's spec, or that of a template, has of things that rules refuse that are younger than itself, and may keep in an update: upstream's `PodValidationOptions`.
 * Each is looked for only where its rule is about to speak.
 */
export class PodLeniency {
  readonly #old: PodSpec | undefined

  constructor(old: PodSpec | undefined) {
    this.#old = old
  }

  /** Values in selectors of pods (`affinity`) that no label can have. */
  get anySelectorValues(): boolean {
    return affinityTerms(this.#old?.affinity).some(
      (term) => foundBy((found) => validateTermSelectors(term, '', found)).length > 0,
    )
  }

  get anyNodeValues(): boolean {
    const required = this.#old?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    const expressions = (required?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions }) => matchExpressions ?? [])
    return expressions.some(({ values }) => values?.some((value) => labelValue(value) !== NONE))
  }

  get anySpreadSelector(): boolean {
    return this.#constraints.some((each) => foundBy((found) => validateSpreadSelector(each, '', found)).length > 0)
  }

  /** Keys that are in the selector already, from before the API server merged them into it. */
  get unmergedLabelKeys(): boolean {
    return this.#constraints.some((each) => foundBy((found) => validateLabelKeys(each, '', found)).length > 0)
  }

  /** Tokens outside their volume. */
  get anyTokenPath(): boolean {
    const sources = (this.#old?.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? [])
    return sources.some(
      ({ serviceAccountToken: token }) =>
        token !== undefined && foundBy((found) => descendingName(token.path, '', found)).length > 0,
    )
  }

  get hostSysctls(): boolean {
    const old = this.#old
    return old?.securityContext?.sysctls?.some(({ name }) => isHostSysctl(name, old)) ?? false
  }

  /** An init container that a resize would have to start again. */
  get restartedInitContainers(): boolean {
    return (this.#old?.initContainers ?? []).some(
      (container) =>
        !isSidecar(container) && container.resizePolicy?.some(({ restartPolicy }) => restartPolicy === 'RestartContainer'),
    )
  }

  /** Devices in a pod with users of its own, where they do not work. */
  get unmappedDevices(): boolean {
    return this.#hasOwnUsers && hasContainer(this.#old!, ({ volumeDevices }) => (volumeDevices?.length ?? 0) > 0)
  }

  /** Users of its own on the host's network (UserNamespacesHostNetworkSupport). */
  get ownUsersOnHostNetwork(): boolean {
    return this.#hasOwnUsers && this.#old?.hostNetwork === true
  }

  get emptyImageReferences(): boolean {
    return this.#old?.volumes?.some(({ image }) => image !== undefined && !image.reference) ?? false
  }

  /** Any policy (SELinuxMount), where else only `Recursive` is one. */
  get anySELinuxPolicy(): boolean {
    return this.#old?.securityContext?.seLinuxChangePolicy !== undefined
  }

  /** Tolerations that compare numbers (TaintTolerationComparisonOperators). */
  get comparingTolerations(): boolean {
    return this.#old?.tolerations?.some(({ operator }) => operator === 'Lt' || operator === 'Gt') ?? false
  }

  get indivisibleHugePages(): boolean {
    const old = this.#old
    if (old === undefined) return false
    const isBroken = (list: Readonly<Record<string, string>> | undefined): boolean =>
      Object.entries(list ?? {}).some(([name, amount]) => isHugePages(name) && !isDivisible(name, amount))
    const containers = CONTAINER_LISTS.flatMap((key) => (old[key] ?? []) as readonly Container[])
    return (
      isBroken(old.overhead) || containers.some(({ resources }) => isBroken(resources?.limits) || isBroken(resources?.requests))
    )
  }

  get #hasOwnUsers(): boolean {
    return this.#old?.hostUsers === false
  }

  get #constraints() {
    return this.#old?.topologySpreadConstraints ?? []
  }
}

/** Nothing was there before. */
export const STRICT = new PodLeniency(undefined)

export const leniencyOf = (old: PodSpec | undefined): PodLeniency => (old === undefined ? STRICT : new PodLeniency(old))
