import { allResources, type ResourceDefinition, resourcesOffByDefault } from '#api'
import { type FeatureGates, parseGoBool } from '#base'
import { apiVersionOf } from '#meta'

/**
 * Which versions are served, as `--runtime-config` says it: `api/all`, `api/ga`, `api/beta`, `api/alpha`, `GROUP/VERSION` or `GROUP/VERSION/RESOURCE` to `true`, `false`
 * or nothing, which is `true`.
 */
export type RuntimeConfig = Readonly<Record<string, string | boolean>>

const STAGES: readonly (readonly [key: string, versions: RegExp])[] = [
  ['api/all', /./],
  ['api/ga', /^v[0-9]+$/],
  ['api/beta', /^v[0-9]+beta[0-9]+$/],
  ['api/alpha', /^v[0-9]+alpha[0-9]+$/],
]

/** Upstream's defaults: GA versions are on, others off. */
const IS_ON_BY_DEFAULT = /^v[0-9]+$/

/** `a/v1=true,b/v1`. The same key again counts last. */
export const parseRuntimeConfig = (text: string): RuntimeConfig =>
  Object.fromEntries(
    text
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
      .map((each) => {
        const [key = '', ...value] = each.split('=')
        return [key.trim(), value.join('=').trim()]
      }),
  )

/** The kinds that are served. Throws a sentence for a configuration that says nothing that can be done. */
export function enabledResources(config: RuntimeConfig, gates: FeatureGates): readonly ResourceDefinition[] {
  checkKeys(config)
  if (Object.keys(config).length === 0) return allResources
  const isOn = switches(config)
  const optional = resourcesOffByDefault.filter(({ gate }) => gates.isOn(gate)).map(({ resource }) => resource)
  return [...allResources, ...optional].filter(isOn)
}

/** What stands for many versions counts least, a resource itself most. */
function switches(config: RuntimeConfig): (resource: ResourceDefinition) => boolean {
  const values = new Map(Object.entries(config).map(([key, value]) => [key, isTurnedOn(key, value)]))
  return (resource) => {
    const { version, names } = resource
    const groupVersion = apiVersionOf(resource)
    let isOn = IS_ON_BY_DEFAULT.test(version)
    for (const [key, versions] of STAGES) if (versions.test(version)) isOn = values.get(key) ?? isOn
    return values.get(`${groupVersion}/${names.plural}`) ?? values.get(groupVersion) ?? isOn
  }
}

function checkKeys(config: RuntimeConfig): void {
  const keys = Object.keys(config)
  if (keys.length === 1 && keys[0] === 'api/all' && !isTurnedOn('api/all', config['api/all']!))
    throw new Error('invalid key with only api/all=false')
  const known = [...allResources, ...resourcesOffByDefault.map(({ resource }) => resource)]
  const groups = new Set(known.map(({ group }) => group))
  const versions = new Set(known.map(apiVersionOf))
  const unknown = new Set<string>()
  for (const [key, value] of Object.entries(config)) {
    const isOn = isTurnedOn(key, value)
    if (STAGES.some(([stage]) => stage === key)) continue
    const [group, version, ...rest] = key.split('/')
    if (!group || !version || rest.length > 1) throw new Error(`runtime-config invalid key ${key}`)
    if (!groups.has(group)) unknown.add(group)
    // What is not there need not be turned off.
    else if (isOn && !versions.has(`${group}/${version}`))
      throw new Error(`group version ${group}/${version} that has not been registered`)
  }
  if (unknown.size > 0) throw new Error(`unknown api groups ${[...unknown].join(',')}`)
}

function isTurnedOn(key: string, value: string | boolean): boolean {
  if (typeof value === 'boolean') return value
  if (value === '') return true
  const isOn = parseGoBool(value)
  if (isOn === undefined)
    throw new Error(`invalid value of ${key}: ${value}, err: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
  return isOn
}
