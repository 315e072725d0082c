import { readFileSync } from 'node:fs'
import {
  type ApiServerOptions,
  type AuditSettings,
  type AuthenticationSettings,
  type AuthorizationSource,
  authorizationFile,
  type EncryptionOptions,
  parseAuthorizationConfiguration,
  REQUEST_TIMEOUT_MS,
  type RuntimeConfig,
  type ServiceAccountTokenOptions,
  type ShutdownOptions,
} from '#apiserver'
import type { FeatureSettings, Log } from '#base'
import { fileSource } from './components/follow-files.ts'
import { publicKeysIn } from './pki.ts'

/** How users are known; a configuration is a file that is read anew when it changes. */
export interface FileAuthentication extends Omit<AuthenticationSettings, 'configuration'> {
  readonly configurationFile?: string | undefined
}

/** What is said of tokens of service accounts, beside the key that signs them. */
export interface ServiceAccountSettings extends Omit<ServiceAccountTokenOptions, 'issuer' | 'signingKey' | 'verificationKeys'> {
  readonly issuer: string | undefined
  /** Of keys whose tokens are accepted, too. */
  readonly keyFiles: readonly string[]
}

/** Flags as they are kept, by the names of their options: `auditPolicyFile` is `--audit-policy-file`. */
export type ApiServerFlags = Readonly<Record<string, unknown>>

/** What the flags say that an API server has in common, alone or in a cluster. */
export interface ApiServerSettings {
  readonly authentication?: FileAuthentication | undefined
  /** The file of `--authorization-config`, or what the older flags say in the same words. */
  readonly authorization?:
    | { readonly file: string }
    | { readonly document: string; readonly policyFile?: string | undefined }
    | undefined
  readonly admission?:
    | {
        readonly enable: readonly string[]
        readonly disable: readonly string[]
        /** Of `--admission-control-config-file`. */
        readonly configuration?: string | undefined
      }
    | undefined
  readonly encryption?: EncryptionOptions | undefined
  readonly audit?: AuditSettings | undefined
  readonly featureGates?: FeatureSettings | undefined
  /** All of them as texts, by the names of the flags. */
  readonly flags?: Readonly<Record<string, string>> | undefined
  readonly runtimeConfig?: RuntimeConfig | undefined
  /** By default at once, but for requests in flight, which have their whole time. */
  readonly shutdown?: ShutdownOptions | undefined
}

type Opened = Pick<ApiServerOptions, keyof ApiServerSettings>

/** The same, as an API server takes it. Files are read when it starts, and those that upstream follows are followed. */
export function opened(
  { authentication: { configurationFile, ...authentication } = {}, authorization, ...settings }: ApiServerSettings,
  log: Log,
): Opened {
  return {
    ...settings,
    authentication: {
      ...authentication,
      configuration: configurationFile === undefined ? undefined : fileSource(configurationFile),
    },
    authorization: { configuration: sourceOf(authorization, log) },
    shutdown: { drainMs: REQUEST_TIMEOUT_MS, ...settings.shutdown },
  }
}

/** Keys of `--service-account-key-file`. Throws a sentence for a file that holds none. */
export const publicKeysOf = (keyFiles: readonly string[]): string[] =>
  keyFiles.flatMap((file) => {
    const flag = '--service-account-key-file'
    try {
      return publicKeysIn(readFileSync(file, 'utf8'), flag)
    } catch (error) {
      throw new Error(`${flag} ${file} cannot be read: ${(error as Error).message}`, { cause: error })
    }
  })

function sourceOf(authorization: ApiServerSettings['authorization'], log: Log): AuthorizationSource | undefined {
  if (authorization === undefined) return undefined
  if ('file' in authorization) return authorizationFile(authorization.file, log)
  return { read: () => parseAuthorizationConfiguration(authorization.document, authorization.policyFile) }
}
