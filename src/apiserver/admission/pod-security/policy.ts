import type { FieldError } from '#meta'
import { baselineChecks } from './baseline.ts'
import type { Check, PodLike, Violation } from './check.ts'
import { restrictedChecks } from './restricted.ts'

export const LEVELS = ['privileged', 'baseline', 'restricted'] as const
export type Level = (typeof LEVELS)[number]

/** A level as some version of the standards has it. */
export interface LevelVersion {
  readonly level: Level
  /** A minor version of Kubernetes; Infinity: the latest. */
  readonly minor: number
}

export interface Policy {
  readonly enforce: LevelVersion
  readonly audit: LevelVersion
  readonly warn: LevelVersion
}

export const MODES = ['enforce', 'audit', 'warn'] as const
const PREFIX = 'pod-security.kubernetes.io/'

export const PRIVILEGED: LevelVersion = { level: 'privileged', minor: Infinity }

/** `restricted:latest`, `baseline:v1.28` */
export const printPolicy = ({ level, minor }: LevelVersion): string => `${level}:${printVersion(minor)}`

/** `enforce=baseline:latest, warn=restricted:v1.30`, of what a namespace's own labels ask for. */
export const printOwnPolicy = (policy: Policy, labels: Readonly<Record<string, string>> = {}): string =>
  MODES.filter((mode) => policy[mode].level !== 'privileged')
    .filter((mode) => labels[PREFIX + mode] !== undefined || labels[`${PREFIX}${mode}-version`] !== undefined)
    .map((mode) => `${mode}=${printPolicy(policy[mode])}`)
    .join(', ')

const printVersion = (minor: number): string => (minor === Infinity ? 'latest' : `v1.${minor}`)

/**
 * What the labels of a namespace ask for, over the defaults. A label that makes no sense is an error; until it is mended, what it should enforce is
 * the strictest, and what it should only tell of is nothing.
 */
export function policyOf(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: Policy,
): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = []
  const refuse = (label: string, value: string, why: string): void => {
    const message = `Invalid value: ${JSON.stringify(value)}: ${why}`
    errors.push({ field: `metadata.labels[${label}]`, reason: 'FieldValueInvalid', message })
  }
  const policy = { ...defaults }
  for (const mode of MODES) {
    const [levelLabel, versionLabel] = [`${PREFIX}${mode}`, `${PREFIX}${mode}-version`]
    const [level, version] = [labels?.[levelLabel], labels?.[versionLabel]]
    if (level !== undefined) {
      const known = LEVELS.find((each) => each === level)
      if (known === undefined) refuse(levelLabel, level, `must be one of ${LEVELS.join(', ')}`)
      policy[mode] = { ...policy[mode], level: known ?? (mode === 'enforce' ? 'restricted' : 'privileged') }
    }
    if (version !== undefined) {
      const minor = parseVersion(version)
      if (minor === undefined) refuse(versionLabel, version, 'must be "latest" or "v1.x"')
      policy[mode] = { ...policy[mode], minor: minor ?? Infinity }
    }
  }
  // Whoever enforces a level wants to be told of it, unless they say so.
  for (const mode of ['audit', 'warn'] as const) {
    const isSilent = labels?.[PREFIX + mode] === undefined && labels?.[`${PREFIX}enforce`] !== undefined
    if (isSilent && compareLevels(policy.enforce.level, policy[mode].level) > 0) policy[mode] = policy.enforce
  }
  return { policy, errors }
}

export const compareLevels = (a: Level, b: Level): number => LEVELS.indexOf(a) - LEVELS.indexOf(b)

export function parseVersion(text: string): number | undefined {
  if (text === 'latest') return Infinity
  const match = /^v1\.(0|[1-9]\d*)$/.exec(text)
  return match === null ? undefined : Number(match[1])
}

/** Everything in which a pod does not keep to a level, baseline first, in the order of the checks' names. */
export function violations(pod: PodLike, { level, minor }: LevelVersion): Violation[] {
  if (level === 'privileged') return []
  const restricted = level === 'restricted' ? restrictedChecks.filter((check) => versionOf(check, minor) !== undefined) : []
  const replaced = new Set(restricted.map(({ replaces }) => replaces))
  const checks = [...baselineChecks.filter(({ id }) => !replaced.has(id)), ...restricted]
  return checks.map((check) => versionOf(check, minor)?.run(pod)).filter((found) => found !== undefined)
}

const versionOf = ({ versions }: Check, minor: number): Check['versions'][number] | undefined =>
  versions.findLast(({ since }) => since <= minor)

export const printViolations = (found: readonly Violation[]): string =>
  found.map(({ reason, detail }) => `${reason} (${detail})`).join(', ')

export const printReasons = (found: readonly Violation[]): string => found.map(({ reason }) => reason).join(', ')
