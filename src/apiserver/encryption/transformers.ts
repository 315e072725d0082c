import type { Clock, Log, Random } from '#base'
import { aescbc, aesgcm, secretbox } from './ciphers.ts'
import type {
  EncryptionConfiguration,
  KeyConfiguration,
  KeysConfiguration,
  KmsConfiguration,
  ProviderConfiguration,
} from './configuration.ts'
import { type GroupResource, groupResourceName, groupResourceOf } from './group-resource.ts'
import { EnvelopeTransformer } from './kms/envelope.ts'
import { KmsPlugin } from './kms/plugin.ts'
import { connectToKms } from './kms/service.ts'
import type { EncryptionMetrics } from './metrics.ts'
import { byPrefix, identity, type Provider, type Transformer } from './transformer.ts'

export interface TransformersDependencies {
  readonly clock: Clock
  /** Of keys and nonces: never one that repeats. */
  readonly random: Random
  readonly log: Log
  readonly metrics: EncryptionMetrics
}

const ANY = '*'

/** What one configuration says of every resource, and the plugins it needs. */
export class Transformers implements AsyncDisposable {
  readonly plugins: readonly KmsPlugin[]
  /** After they are replaced, calls that are under way end within this time. */
  readonly closeGraceMs: number
  readonly #byResource: ReadonlyMap<string, Transformer>
  readonly #owned: AsyncDisposableStack

  constructor(
    byResource: ReadonlyMap<string, Transformer>,
    { plugins, closeGraceMs, owned }: Pick<Transformers, 'plugins' | 'closeGraceMs'> & { readonly owned: AsyncDisposableStack },
  ) {
    this.#byResource = byResource
    this.plugins = plugins
    this.closeGraceMs = closeGraceMs
    this.#owned = owned
  }

  /** Connects to its plugins and asks each once. Throws when a rule can never apply. */
  static async open(configuration: EncryptionConfiguration, dependencies: TransformersDependencies): Promise<Transformers> {
    await using stack = new AsyncDisposableStack()
    const plugins: KmsPlugin[] = []
    const providersOf = new Map<string, Provider[]>()
    for (const { resources, providers } of configuration.resources) {
      const made: Provider[] = []
      for (const each of providers) {
        const provider = await openProvider(each, dependencies)
        if (provider.plugin !== undefined) plugins.push(stack.use(provider.plugin))
        made.push(provider)
      }
      for (const name of resources) {
        const resource = groupResourceOf(name)
        refuseMasked(resource, providersOf)
        const key = keyOf(resource)
        providersOf.set(key, [...(providersOf.get(key) ?? []), ...made])
      }
    }
    const timeouts = configuration.resources.flatMap(({ providers }) => providers.map(({ kms }) => kms?.timeoutMs ?? 0))
    const closeGraceMs = 2 * timeouts.reduce((sum, each) => sum + each, 0)
    const byResource = new Map<string, Transformer>()
    for (const [key, providers] of providersOf)
      byResource.set(key, byPrefix(providers, 'no matching prefix found', dependencies.metrics))
    return new Transformers(byResource, { plugins, closeGraceMs, owned: stack.move() })
  }

  /** The most specific rule: the resource, all of its group, all. Undefined: as it is. */
  of(resource: GroupResource): Transformer | undefined {
    return (
      this.#byResource.get(keyOf(resource)) ??
      this.#byResource.get(keyOf({ ...resource, resource: ANY })) ??
      this.#byResource.get(keyOf({ group: ANY, resource: ANY }))
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync()
  }
}

const keyOf = ({ group, resource }: GroupResource): string => `${resource}.${group}`

/** A rule behind one that takes all of its group, or everything, would never be asked. */
function refuseMasked(resource: GroupResource, earlier: ReadonlyMap<string, unknown>): void {
  for (const wide of [
    { group: resource.group, resource: ANY },
    { group: ANY, resource: ANY },
  ]) {
    if (earlier.has(keyOf(wide)))
      throw new Error(
        `resource ${JSON.stringify(groupResourceName(resource))} is masked by earlier rule ${JSON.stringify(groupResourceName(wide))}`,
      )
  }
}

async function openProvider(
  { kms, aesgcm: gcm, aescbc: cbc, secretbox: box }: ProviderConfiguration,
  dependencies: TransformersDependencies,
): Promise<Provider & { readonly plugin?: KmsPlugin }> {
  const { random } = dependencies
  if (kms !== undefined) return openKms(kms, dependencies)
  if (gcm !== undefined) return withKeys('aesgcm', 'AES', gcm, (key) => aesgcm(key, random), dependencies)
  if (cbc !== undefined) return withKeys('aescbc', 'AES', cbc, (key) => aescbc(key, random), dependencies)
  if (box !== undefined) return withKeys('secretbox', 'Secretbox', box, (key) => secretbox(key, random), dependencies)
  return { prefix: '', transformer: identity }
}

/** Of several keys the first writes; a value names its key. */
async function withKeys(
  name: string,
  shown: string,
  { keys }: KeysConfiguration,
  make: (key: Uint8Array) => Transformer | Promise<Transformer>,
  { metrics }: TransformersDependencies,
): Promise<Provider> {
  const one = async ({ name: keyName, secret }: KeyConfiguration): Promise<Provider> => ({
    prefix: `${keyName}:`,
    transformer: await make(Buffer.from(secret, 'base64')),
  })
  const unmatched = `no matching key was found for the provided ${shown} transformer`
  const transformer = byPrefix(await Promise.all(keys.map(one)), unmatched, metrics)
  return { prefix: `k8s:enc:${name}:v1:`, transformer }
}

async function openKms(
  { apiVersion, name, endpoint, timeoutMs }: KmsConfiguration,
  dependencies: TransformersDependencies,
): Promise<Provider & { readonly plugin: KmsPlugin }> {
  if (apiVersion === 'v1')
    throw new Error(
      'KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.',
    )
  const service = await connectToKms({ name, endpoint, timeoutMs, metrics: dependencies.metrics })
  const plugin = new KmsPlugin({ ...dependencies, name, service })
  await plugin.start()
  const transformer = new EnvelopeTransformer({ ...dependencies, name, service, writeKey: () => plugin.writeKey() })
  return { prefix: `k8s:enc:kms:v2:${name}:`, transformer, plugin }
}
