import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isObject, parseYaml } from '#meta'
import { decodeConfiguration, listOf, objectOf, text } from '../configuration-file.ts'
import type { AdmissionPlugin, ConfigurationContext } from './types.ts'

/** What plugins are told (https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-AdmissionConfiguration). */
export interface AdmissionConfiguration {
  readonly plugins?: readonly {
    readonly name?: string
    /** Of a file with the plugin's configuration, from where this one is. */
    readonly path?: string
    /** Instead of a file. */
    readonly configuration?: object
  }[]
}

const KIND = {
  kind: 'AdmissionConfiguration',
  versions: ['apiserver.config.k8s.io/v1'],
  formerly: [['apiserver.k8s.io/v1alpha1', 'AdmissionConfiguration']],
  schema: objectOf({
    apiVersion: text,
    kind: text,
    plugins: listOf(objectOf({ name: text, path: text, configuration: { type: 'object', preserveUnknownFields: true } })),
  }),
} as const

/** Plugins that had a file of no kind to themselves, by the field that it is known by. */
const LEGACY = { ImagePolicyWebhook: 'imagePolicy', PodNodeSelector: 'podNodeSelectorPluginConfig' }

/**
 * The plugins as a configuration, or the file of one, tells them to be; it is read once. Rejects with a sentence when it, or what it says of a plugin that runs, can't be
 * used.
 */
export async function configuredPlugins(
  plugins: readonly AdmissionPlugin[],
  configuration: AdmissionConfiguration | string | undefined,
  context: ConfigurationContext,
): Promise<AdmissionPlugin[]> {
  const { directory, entries } = await read(configuration)
  for (const { name = '' } of entries)
    if (!plugins.some((plugin) => plugin.name === name && plugin.configured !== undefined))
      context.log.warn('The admission configuration tells a plugin that does not run, or takes no configuration', {
        plugin: name,
      })
  return Promise.all(
    plugins.map(async (plugin) => {
      if (plugin.configured === undefined) return plugin
      const entry = entries.find(({ name }) => name === plugin.name)
      try {
        const bytes = entry === undefined ? undefined : await bytesOf(entry, directory)
        return await plugin.configured(bytes, context)
      } catch (error) {
        throw new Error(`couldn't init admission plugin ${JSON.stringify(plugin.name)}: ${(error as Error).message}`, {
          cause: error,
        })
      }
    }),
  )
}

type Entry = NonNullable<AdmissionConfiguration['plugins']>[number]

async function read(
  configuration: AdmissionConfiguration | string | undefined,
): Promise<{ readonly directory: string; readonly entries: readonly Entry[] }> {
  if (typeof configuration !== 'string') return { directory: '.', entries: configuration?.plugins ?? [] }
  const directory = dirname(configuration)
  let bytes: Uint8Array
  try {
    bytes = await readFile(configuration)
  } catch (error) {
    throw new Error(
      `unable to read admission control configuration from ${JSON.stringify(configuration)} [${(error as Error).message}]`,
      { cause: error },
    )
  }
  const legacy = await legacyEntries(bytes, configuration)
  if (legacy.length > 0) return { directory, entries: legacy }
  const { plugins = [] } = (await decodeConfiguration(bytes, KIND)) as AdmissionConfiguration
  return { directory, entries: plugins }
}

/** A file without a kind is that of one of two plugins, or of both. */
async function legacyEntries(bytes: Uint8Array, path: string): Promise<Entry[]> {
  let value: unknown
  try {
    value = await parseYaml(Buffer.from(bytes).toString())
  } catch {
    return []
  }
  if (!isObject(value) || value['kind'] !== undefined) return []
  const has = value
  return Object.values(LEGACY).some((field) => has[field] !== undefined)
    ? Object.keys(LEGACY).map((name) => ({ name, path: resolve(path) }))
    : []
}

async function bytesOf({ configuration, path = '' }: Entry, directory: string): Promise<Uint8Array | undefined> {
  if (configuration !== undefined) return Buffer.from(JSON.stringify(configuration))
  return path === '' ? undefined : await readFile(resolve(directory, path))
}
