import type { Command } from 'commander'
import type { ServiceAccountSettings } from '#cluster'
import { UsageError } from './command.ts'
import { boolean, duration, files, list } from './component-options.ts'

export interface ServiceAccountFlags {
  readonly serviceAccountIssuer?: readonly string[]
  readonly apiAudiences?: readonly string[]
  readonly serviceAccountJwksUri?: string
  readonly serviceAccountMaxTokenExpiration: number
  readonly serviceAccountExtendTokenExpiration: boolean
  readonly serviceAccountKeyFile?: readonly string[]
}

/** The flags by which tokens of service accounts are issued and known, named as upstream's. */
export const withServiceAccountOptions = (command: Command): Command =>
  command
    .option('--service-account-issuer <url>', 'who issues service account tokens; again for those whose are accepted, too', list)
    .option('--api-audiences <names>', 'what this server calls itself in tokens; its issuers unless said', list)
    .option('--service-account-jwks-uri <url>', 'where its discovery document says that the keys of tokens are')
    .option(
      '--service-account-max-token-expiration <duration>',
      'longer tokens are shortened to it; 0: none is',
      duration('--service-account-max-token-expiration'),
      0,
    )
    .option(
      '--service-account-extend-token-expiration [bool]',
      'whether the tokens of pods last a year, for clients that do not read them anew',
      boolean('--service-account-extend-token-expiration'),
      true,
    )
    .option(
      '--service-account-key-file <file>',
      'keys whose tokens are accepted; read anew when it changes; again for more',
      files,
    )

export function serviceAccountsOf(flags: ServiceAccountFlags): ServiceAccountSettings {
  const [issuer, ...otherIssuers] = flags.serviceAccountIssuer ?? []
  return {
    issuer,
    otherIssuers,
    audiences: flags.apiAudiences,
    jwksURI: flags.serviceAccountJwksUri,
    maxExpirationSeconds: maxExpirationOf(flags),
    extendExpiration: flags.serviceAccountExtendTokenExpiration,
    keyFiles: flags.serviceAccountKeyFile ?? [],
  }
}

function maxExpirationOf({ serviceAccountMaxTokenExpiration: ms }: ServiceAccountFlags): number {
  const seconds = ms / 1000
  if (seconds !== 0 && (seconds < 3600 || seconds > 2 ** 32))
    throw new UsageError('the service-account-max-token-expiration must be between 1 hour and 2^32 seconds')
  return seconds
}
