import { dnsLabel, duplicateValue, invalidValue, required, subdomainName } from '#api'
import type { FieldError } from '#meta'
import { decodeConfiguration, listOf, objectOf, refuseConfiguration, text } from '../../configuration-file.ts'
import { LEVELS, MODES, type Policy, PRIVILEGED, parseVersion } from './policy.ts'

/** What holds where labels say nothing, and for whom nothing holds. */
export interface PodSecuritySettings {
  readonly defaults: Policy
  readonly exemptions: Exemptions
}

interface Exemptions {
  readonly usernames: readonly string[]
  readonly namespaces: readonly string[]
  readonly runtimeClasses: readonly string[]
}

export const UNCONFIGURED: PodSecuritySettings = {
  defaults: { enforce: PRIVILEGED, audit: PRIVILEGED, warn: PRIVILEGED },
  exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
}

const GROUP = 'pod-security.admission.config.k8s.io'
const KIND = {
  kind: 'PodSecurityConfiguration',
  versions: ['v1', 'v1beta1', 'v1alpha1'].map((version) => `${GROUP}/${version}`),
  schema: objectOf({
    apiVersion: text,
    kind: text,
    defaults: objectOf(Object.fromEntries(MODES.flatMap((mode) => [mode, `${mode}-version`]).map((name) => [name, text]))),
    exemptions: objectOf({ usernames: listOf(text), namespaces: listOf(text), runtimeClasses: listOf(text) }),
  }),
}

/** Reads a PodSecurityConfiguration (https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/). Throws an Error in upstream's words. */
export async function parsePodSecurityConfiguration(bytes: Uint8Array): Promise<PodSecuritySettings> {
  const decoded = (await decodeConfiguration(bytes, KIND)) as {
    readonly defaults?: Readonly<Record<string, string>>
    readonly exemptions?: Partial<Exemptions>
  }
  const exemptions = { ...UNCONFIGURED.exemptions, ...decoded.exemptions }
  const findings: FieldError[] = []
  // In upstream's order.
  const [enforce, warn, audit] = (['enforce', 'warn', 'audit'] as const).map((mode) => {
    const level = decoded.defaults?.[mode] || 'privileged'
    const version = decoded.defaults?.[`${mode}-version`] || 'latest'
    const known = LEVELS.find((each) => each === level)
    const minor = parseVersion(version)
    if (known === undefined) findings.push(invalidValue(`defaults.${mode}`, level, `must be one of ${LEVELS.join(', ')}`))
    if (minor === undefined) findings.push(invalidValue(`defaults.${mode}-version`, version, 'must be "latest" or "v1.x"'))
    return { level: known ?? 'privileged', minor: minor ?? Infinity }
  })
  findings.push(...exemptionFindings(exemptions))
  refuseConfiguration(findings)
  return { defaults: { enforce: enforce!, warn: warn!, audit: audit! }, exemptions }
}

function* exemptionFindings(exemptions: Exemptions): Iterable<FieldError> {
  const rules = { namespaces: dnsLabel, runtimeClasses: subdomainName, usernames: undefined }
  for (const [what, rule] of Object.entries(rules)) {
    const seen = new Set<string>()
    for (const [index, name] of exemptions[what as keyof Exemptions].entries()) {
      const field = `exemptions.${what}[${index}]`
      const problems = rule === undefined ? [] : [...rule(name)]
      if (rule === undefined && name === '') yield required(field)
      else if (problems.length > 0) yield invalidValue(field, name, problems.join(', '))
      else if (seen.has(name)) yield duplicateValue(field, name)
      else seen.add(name)
    }
  }
}
