import { FEATURE_DEPENDENCIES, type FeatureSpec, knownFeatures } from './known-features.ts'

/** `{ ClusterTrustBundle: true }` */
export type FeatureSettings = Readonly<Record<string, boolean>>

/** A gate that stands for all of a stage that are not named themselves. */
const ALL: ReadonlyMap<string, FeatureSpec['stage']> = new Map([
  ['AllAlpha', 'ALPHA'],
  ['AllBeta', 'BETA'],
])

/**
 * Which features are on (https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/). What is locked can not be set, what is unknown does
 * not exist, and what needs another feature is not on without it: the constructor throws a sentence.
 */
export class FeatureGates {
  readonly #set: ReadonlyMap<string, boolean>

  constructor(settings: FeatureSettings = {}) {
    const problems: string[] = []
    const set = new Map<string, boolean>()
    for (const [name, isOn] of Object.entries(settings)) {
      const spec = knownFeatures().get(name)
      if (spec === undefined && !ALL.has(name)) problems.push(`unrecognized feature gate: ${name}`)
      else if (spec?.locked && spec.default !== isOn)
        problems.push(`cannot set feature gate ${name} to ${isOn}, feature is locked to ${spec.default}`)
      else set.set(name, isOn)
    }
    for (const [all, stage] of ALL) {
      const isOn = set.get(all)
      if (isOn === undefined) continue
      for (const [name, spec] of knownFeatures()) if (spec.stage === stage && !Object.hasOwn(settings, name)) set.set(name, isOn)
    }
    this.#set = set
    if (set.size > 0 && problems.length === 0) problems.push(...this.#missing())
    if (problems.length > 0) throw new Error(problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`)
  }

  isOn(name: string): boolean {
    return this.#set.get(name) ?? knownFeatures().get(name)?.default ?? false
  }

  /** What was set to something else than its default, sorted by name. */
  get changed(): readonly (readonly [name: string, isOn: boolean])[] {
    return [...this.#set].filter(([name, isOn]) => knownFeatures().get(name)?.default !== isOn && !ALL.has(name)).sort()
  }

  /** Of every feature. */
  *all(): Iterable<{ readonly name: string; readonly stage: FeatureSpec['stage']; readonly isOn: boolean }> {
    for (const [name, stage] of ALL) yield { name, stage, isOn: this.#set.get(name) ?? false }
    for (const [name, { stage }] of knownFeatures()) yield { name, stage, isOn: this.isOn(name) }
  }

  *#missing(): Iterable<string> {
    for (const [name, needed] of Object.entries(FEATURE_DEPENDENCIES)) {
      const off = this.isOn(name) ? needed.filter((each) => !this.isOn(each)) : []
      if (off.length > 0) yield `${name} is enabled, but depends on features that are disabled: [${off.join(' ')}]`
    }
  }
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false])),
}

/** As Go's flags read it; undefined: it is none. */
export const parseGoBool = (text: string): boolean | undefined => (Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined)

/** `A=true,kube:B=false`: gates of components are separated by their names, and all of ours are of `kube`. Throws a sentence. */
export function parseFeatureGates(text: string): FeatureSettings {
  const settings: Record<string, boolean> = {}
  for (const each of text.split(',').map((part) => part.trim())) {
    if (each === '') continue
    const colon = each.indexOf(':')
    const component = colon === -1 ? 'kube' : each.slice(0, colon)
    if (component !== 'kube') throw new Error(`component not registered: ${component}`)
    const [name = '', value, ...rest] = each.slice(colon + 1).split('=')
    if (value === undefined) throw new Error(`missing bool value for ${name.trim()}`)
    const said = [value, ...rest].join('=').trim()
    const isOn = parseGoBool(said)
    if (isOn === undefined)
      throw new Error(
        `invalid value of ${name.trim()}=${said}, err: strconv.ParseBool: parsing ${JSON.stringify(said)}: invalid syntax`,
      )
    settings[name.trim()] = isOn
  }
  return settings
}
