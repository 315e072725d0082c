import {
  type CronJob,
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  type Namespace,
  namespaces,
  type Pod,
  type PodTemplate,
  pods,
  podTemplates,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '#api'
import { forbidden, invalid, type KubernetesObject, notFound } from '#meta'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import type { PodLike } from './check.ts'
import { type PodSecuritySettings, parsePodSecurityConfiguration, UNCONFIGURED } from './configuration.ts'
import { exemptionWarnings, namespaceWarnings } from './namespace.ts'
import { type Policy, policyOf, printPolicy, printViolations, violations } from './policy.ts'

const IGNORED_SUBRESOURCES = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status'])

const withTemplate = new Map<unknown, (object: KubernetesObject) => PodLike | undefined>([
  ...[daemonSets, deployments, jobs, replicaSets, replicationControllers, statefulSets].map(
    (resource) => [resource, (object: KubernetesObject) => (object as { spec?: { template?: PodLike } }).spec?.template] as const,
  ),
  [podTemplates, (object) => (object as PodTemplate).template as PodLike | undefined],
  [cronJobs, (object) => (object as CronJob).spec?.jobTemplate?.spec?.template as PodLike | undefined],
])

/** Holds pods to the level of the Pod Security Standards that their namespace's labels name (https://kubernetes.io/docs/concepts/security/pod-security-admission/). */
export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  operations: ['CREATE', 'UPDATE'],
  async configured(bytes) {
    const settings = bytes === undefined ? UNCONFIGURED : await parsePodSecurityConfiguration(bytes)
    const policies = new Policies(settings.defaults)
    return { ...podSecurity, validate: (attributes, context) => validate(attributes, context, { settings, policies }) }
  },
}

/** What namespaces ask for, found once for each version of one. */
class Policies {
  readonly #defaults: Policy
  readonly #known = new WeakMap<Namespace, ReturnType<typeof policyOf>>()

  constructor(defaults: Policy) {
    this.#defaults = defaults
  }

  of(namespace: Namespace): ReturnType<typeof policyOf> {
    let policy = this.#known.get(namespace)
    if (policy === undefined) this.#known.set(namespace, (policy = policyOf(namespace.metadata?.labels, this.#defaults)))
    return policy
  }
}

interface Rules {
  readonly settings: PodSecuritySettings
  readonly policies: Policies
}

async function validate(attributes: Attributes, context: AdmissionContext, rules: Rules): Promise<void> {
  const { resource, subresource } = attributes
  if (resource === (namespaces as unknown)) {
    if (subresource === '') validateNamespace(attributes, context, rules.settings)
    return
  }
  if (resource === (pods as unknown)) {
    if (IGNORED_SUBRESOURCES.has(subresource) || !matters(attributes)) return
    await evaluate(attributes, attributes.object as Pod, context, { ...rules, enforces: true })
    return
  }
  const template = subresource === '' ? withTemplate.get(resource)?.(attributes.object!) : undefined
  if (template !== undefined) await evaluate(attributes, template, context, { ...rules, enforces: false })
}

/** A change of images, of containers, or of a profile that annotations name; the rest of a pod can't change. */
function matters({ operation, object, oldObject }: Attributes): boolean {
  if (operation === 'CREATE') return true
  const seen = ({ metadata, spec }: Pod): string =>
    JSON.stringify([
      [spec?.initContainers, spec?.containers, spec?.ephemeralContainers].map((list) =>
        list?.map(({ name, image }) => [name, image]),
      ),
      Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.includes('seccomp.security.alpha.kubernetes.io')),
    ])
  return seen(object as Pod) !== seen(oldObject as Pod)
}

async function evaluate(
  attributes: Attributes,
  pod: PodLike,
  context: AdmissionContext,
  { settings, policies, enforces }: Rules & { readonly enforces: boolean },
): Promise<void> {
  const { namespace, user, annotations, warnings, resource, name } = attributes
  const { exemptions } = settings
  if (exemptions.namespaces.includes(namespace)) return exempt(annotations, 'namespace')
  if (exemptions.usernames.includes(user.username)) return exempt(annotations, 'user')
  await context.cache.current()
  const found = context.cache.of(namespaces).get(namespace)?.object as Namespace | undefined
  if (found === undefined) throw notFound(namespaces, namespace)
  const { policy, errors } = policies.of(found)
  if (pod.spec?.runtimeClassName && exemptions.runtimeClasses.includes(pod.spec.runtimeClassName))
    return exempt(annotations, 'runtimeClass')
  if (errors.length > 0) {
    const said = errors.map(({ field, message }) => `${field}: ${message}`).join(', ')
    annotations.set('pod-security.kubernetes.io/error', `Failed to parse policy: ${said}`)
  }
  const enforced = enforces ? violations(pod, policy.enforce) : []
  if (enforces) annotations.set('pod-security.kubernetes.io/enforce-policy', printPolicy(policy.enforce))
  const audited = violations(pod, policy.audit)
  if (audited.length > 0) annotations.set('pod-security.kubernetes.io/audit-violations', sentence(policy.audit, audited))
  if (enforced.length > 0)
    throw forbidden(resource, name, `violates PodSecurity "${printPolicy(policy.enforce)}": ${printViolations(enforced)}`)
  const warned = violations(pod, policy.warn)
  if (warned.length > 0) warnings.push(sentence(policy.warn, warned))
}

const sentence = (policy: Policy['warn'], found: ReturnType<typeof violations>): string =>
  `would violate PodSecurity "${printPolicy(policy)}": ${printViolations(found)}`

const exempt = (annotations: Map<string, string>, why: string): void =>
  void annotations.set('pod-security.kubernetes.io/exempt', why)

/** Labels that make no sense are refused, unless they were so before; a stricter level tells of the pods that don't keep to it. */
function validateNamespace(
  { operation, object, oldObject, warnings, name }: Attributes,
  { cache }: AdmissionContext,
  { defaults, exemptions }: PodSecuritySettings,
): void {
  const next = policyOf(object?.metadata?.labels, defaults)
  const old = operation === 'UPDATE' ? policyOf(oldObject?.metadata?.labels, defaults) : undefined
  if (next.errors.length > 0 && JSON.stringify(next.errors) !== JSON.stringify(old?.errors))
    throw invalid({ group: '', kind: 'Namespace' }, name, next.errors)
  if (exemptions.namespaces.includes(name)) {
    warnings.push(...exemptionWarnings(name, next.policy, { defaults, labels: object?.metadata?.labels }))
    return
  }
  if (old === undefined) return
  warnings.push(
    ...namespaceWarnings(name, old.policy.enforce, next.policy.enforce, {
      cache,
      exemptRuntimeClasses: exemptions.runtimeClasses,
    }),
  )
}
