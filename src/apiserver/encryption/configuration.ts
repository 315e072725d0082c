import { decodeConfiguration, listOf, objectOf, refuseConfiguration, text } from '../configuration-file.ts'
import { parseDuration } from '../request-deadline.ts'
import { configurationFindings } from './validate.ts'

/** What is encrypted how (https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-EncryptionConfiguration). */
export interface EncryptionConfiguration {
  readonly resources: readonly ResourceConfiguration[]
}

export interface ResourceConfiguration {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group) or `*.*`. */
  readonly resources: readonly string[]
  /** The first writes, all read. */
  readonly providers: readonly ProviderConfiguration[]
}

export interface ProviderConfiguration {
  readonly aesgcm?: KeysConfiguration
  readonly aescbc?: KeysConfiguration
  readonly secretbox?: KeysConfiguration
  readonly identity?: object
  readonly kms?: KmsConfiguration
}

export interface KeysConfiguration {
  readonly keys: readonly KeyConfiguration[]
}

export interface KeyConfiguration {
  readonly name: string
  /** In base64. */
  readonly secret: string
}

export interface KmsConfiguration {
  readonly apiVersion: string
  readonly name: string
  readonly endpoint: string
  readonly timeoutMs: number
  readonly cachesize: number | undefined
}

const KMS_TIMEOUT_MS = 3_000
const KMS_V1_CACHE_SIZE = 1_000

const keys = objectOf({ keys: listOf(objectOf({ name: text, secret: text })) })
const KIND = 'EncryptionConfiguration'
const VERSION = 'apiserver.config.k8s.io/v1'
const SCHEMA = objectOf({
  apiVersion: text,
  kind: text,
  resources: listOf(
    objectOf({
      resources: listOf(text),
      providers: listOf(
        objectOf({
          aesgcm: keys,
          aescbc: keys,
          secretbox: keys,
          identity: objectOf({}),
          kms: objectOf({ apiVersion: text, name: text, cachesize: { type: 'integer' }, endpoint: text, timeout: text }),
        }),
      ),
    }),
  ),
})

/** Reads, completes and checks the content of a configuration file. Throws an Error in upstream's words. `reload`: whether the file is watched. */
export async function parseEncryptionConfiguration(
  bytes: Uint8Array,
  file: string,
  reload: boolean,
): Promise<EncryptionConfiguration> {
  if (bytes.length === 0) throw new Error(`encryption provider configuration file ${JSON.stringify(file)} is empty`)
  let decoded: DecodedConfiguration
  try {
    decoded = (await decodeConfiguration(bytes, { kind: KIND, versions: [VERSION], schema: SCHEMA })) as DecodedConfiguration
  } catch (error) {
    const where = `error decoding encryption provider configuration file ${JSON.stringify(file)}`
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
  const configuration = completed(decoded)
  refuseConfiguration(configurationFindings(configuration, reload))
  return configuration
}

/** As it stands in a file: anything may be missing. */
interface DecodedConfiguration {
  readonly resources?: readonly { resources?: readonly string[]; providers?: readonly DecodedProvider[] }[]
}

type DecodedProvider = Omit<ProviderConfiguration, 'kms'> & {
  readonly kms?: { apiVersion?: string; name?: string; endpoint?: string; timeout?: string; cachesize?: number }
}

const completed = ({ resources = [] }: DecodedConfiguration): EncryptionConfiguration => ({
  resources: resources.map((each) => ({
    resources: each.resources ?? [],
    providers: (each.providers ?? []).map(completedProvider),
  })),
})

function completedProvider({ kms, ...others }: DecodedProvider): ProviderConfiguration {
  const named = (keys: Partial<KeysConfiguration>): KeysConfiguration => ({
    keys: (keys.keys ?? []).map(({ name = '', secret = '' }: Partial<KeyConfiguration>) => ({ name, secret })),
  })
  const ciphers = {
    ...(others.aesgcm && { aesgcm: named(others.aesgcm) }),
    ...(others.aescbc && { aescbc: named(others.aescbc) }),
    ...(others.secretbox && { secretbox: named(others.secretbox) }),
    ...(others.identity && { identity: {} }),
  }
  if (kms === undefined || kms === null) return ciphers
  const { apiVersion = 'v1', name = '', endpoint = '', timeout, cachesize } = kms
  const timeoutMs = timeout === undefined ? KMS_TIMEOUT_MS : parseDuration(timeout)
  if (timeoutMs === undefined) throw new Error(`time: invalid duration ${JSON.stringify(timeout)}`)
  const completedSize = cachesize ?? (apiVersion === 'v1' ? KMS_V1_CACHE_SIZE : undefined)
  return { ...ciphers, kms: { apiVersion, name, endpoint, timeoutMs, cachesize: completedSize } }
}
