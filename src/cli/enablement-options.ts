import type { Command } from 'commander'
import { FeatureGates, type FeatureSettings, parseFeatureGates } from '#base'
import type { ApiServerSettings } from '#cluster'
import { UsageError } from './command.ts'

export interface EnablementFlags {
  readonly featureGates?: FeatureSettings
  readonly runtimeConfig?: string
}

/** The flags by which versions and features are turned on and off, named as upstream's. */
export const withEnablementOptions = (command: Command): Command =>
  withFeatureGates(command).option(
    '--runtime-config <pairs>',
    'versions that are served or not: api/all, api/ga, api/beta, api/alpha or GROUP/VERSION, each =true or =false',
    (text: string, before: string | undefined) => (before === undefined ? text : `${before},${text}`),
  )

export const withFeatureGates = (command: Command): Command =>
  command.option('--feature-gates <pairs>', 'features that are on or off beside their defaults: NAME=true,NAME=false', gates)

function gates(text: string, before: FeatureSettings | undefined): FeatureSettings {
  const settings = { ...before, ...saying('--feature-gates', () => parseFeatureGates(text)) }
  saying('--feature-gates', () => new FeatureGates(settings))
  return settings
}

export async function enablementOf({
  featureGates,
  runtimeConfig,
}: EnablementFlags): Promise<Pick<ApiServerSettings, 'featureGates' | 'runtimeConfig'>> {
  if (runtimeConfig === undefined) return { featureGates, runtimeConfig: undefined }
  const { enabledResources, parseRuntimeConfig } = await import('#cluster')
  const parsed = parseRuntimeConfig(runtimeConfig)
  saying('--runtime-config', () => enabledResources(parsed, new FeatureGates(featureGates)))
  return { featureGates, runtimeConfig: parsed }
}

/** What is wrong with a flag is a mistake of the call. */
function saying<T>(flag: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError(`${flag}: ${(error as Error).message}`)
  }
}
