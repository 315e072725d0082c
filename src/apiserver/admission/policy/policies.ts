import type { ResourceDefinition } from '#api'
import type { KubernetesObject } from '#meta'
import type { AdmissionContext } from '../types.ts'

/** A policy with the bindings that put it to work. */
export interface BoundPolicy<P, B> {
  readonly policy: P
  readonly bindings: readonly B[]
}

type BindingLike = KubernetesObject & { readonly spec?: { readonly policyName?: string } }

/** The policies that are bound right now, in the order of their names; kept until a policy or binding changes. */
export class Policies<P extends KubernetesObject, B extends BindingLike> {
  readonly #context: AdmissionContext
  readonly #resources: readonly [policies: ResourceDefinition, bindings: ResourceDefinition]
  #bound: readonly BoundPolicy<P, B>[] | undefined

  constructor(context: AdmissionContext, policies: ResourceDefinition<P>, bindings: ResourceDefinition<B>) {
    this.#context = context
    this.#resources = [policies, bindings] as unknown as readonly [ResourceDefinition, ResourceDefinition]
    for (const resource of this.#resources)
      context.cache.of(resource).subscribe(() => {
        this.#bound = undefined
      })
  }

  get bound(): readonly BoundPolicy<P, B>[] {
    this.#bound ??= this.#collect()
    return this.#bound
  }

  #collect(): BoundPolicy<P, B>[] {
    const [policies, bindings] = this.#resources.map((resource) =>
      this.#context.cache
        .of(resource)
        .list('')
        .map(({ object }) => object),
    ) as unknown as [P[], B[]]
    return policies
      .map((policy) => ({ policy, bindings: bindings.filter(({ spec }) => spec?.policyName === policy.metadata?.name) }))
      .filter((each) => each.bindings.length > 0)
  }
}
