import type { HealthCheck } from './health.ts'

/** Upstream's names of what is done once the server answers, in the order in which it is begun. */
const NAMES = [
  'start-system-namespaces-controller',
  'scheduling/bootstrap-system-priority-classes',
  'rbac/bootstrap-roles',
  'priority-and-fairness-config-producer',
  'start-kubernetes-service-cidr-controller',
  'bootstrap-controller',
  'start-cluster-authentication-info-controller',
  'apiservice-registration-controller',
  'autoregister-completion',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
] as const

export type StartHook = (typeof NAMES)[number]

/** What has to be done before a server is ready, each of which its health checks tell by name. */
export class StartHooks {
  readonly #done = new Set<StartHook>()

  /** Done with the work, whatever it was called. */
  async run(names: readonly StartHook[], work: () => Promise<unknown>): Promise<void> {
    await work()
    for (const name of names) this.#done.add(name)
  }

  get checks(): readonly HealthCheck[] {
    return NAMES.map((name) => ({
      name: `poststarthook/${name}`,
      check: () => (this.#done.has(name) ? undefined : 'not finished'),
    }))
  }
}
