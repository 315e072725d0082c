import { dirname } from 'node:path'
import type { Command } from 'commander'
import type { AuthenticationSettings, FileAuthentication, JwtConfiguration } from '#cluster'
import { UsageError } from './command.ts'
import { boolean, duration, file, list, readFlagFile } from './component-options.ts'

export interface AuthenticationOptions {
  readonly anonymousAuth?: boolean
  readonly enableBootstrapTokenAuth?: boolean
  readonly authenticationConfig?: string
  readonly authenticationTokenWebhookConfigFile?: string
  readonly authenticationTokenWebhookVersion: string
  readonly authenticationTokenWebhookCacheTtl: number
  readonly oidcIssuerUrl?: string
  readonly oidcClientId?: string
  readonly oidcCaFile?: string
  readonly oidcUsernameClaim?: string
  readonly oidcUsernamePrefix?: string
  readonly oidcGroupsClaim?: string
  readonly oidcGroupsPrefix?: string
  readonly oidcRequiredClaim?: readonly string[]
  readonly oidcSigningAlgs?: readonly string[]
  readonly requestheaderAllowedNames?: readonly string[]
  readonly requestheaderUsernameHeaders?: readonly string[]
  readonly requestheaderUidHeaders?: readonly string[]
  readonly requestheaderGroupHeaders?: readonly string[]
  readonly requestheaderExtraHeadersPrefix?: readonly string[]
}

/** The flags by which users are known, named as upstream's. */
export const withAuthenticationOptions = (command: Command): Command =>
  command
    .option(
      '--anonymous-auth [bool]',
      'whether requests without credentials are let in as anonymous',
      boolean('--anonymous-auth'),
    )
    .option(
      '--enable-bootstrap-token-auth [bool]',
      'accept tokens of joining nodes; yes in a cluster, no in an API server alone, unless said',
      boolean('--enable-bootstrap-token-auth'),
    )
    .option('--authentication-config <file>', 'an AuthenticationConfiguration; read anew when it changes', file)
    .option('--authentication-token-webhook-config-file <file>', 'a kubeconfig of who is asked whose a token is', file)
    .option('--authentication-token-webhook-version <version>', 'of TokenReview: v1 or v1beta1', 'v1beta1')
    .option(
      '--authentication-token-webhook-cache-ttl <duration>',
      'how long its answers are remembered',
      duration('--authentication-token-webhook-cache-ttl'),
      120_000,
    )
    .option('--oidc-issuer-url <url>', 'of an OpenID Connect provider')
    .option('--oidc-client-id <id>', 'the audience of its tokens')
    .option('--oidc-ca-file <file>', "authority of the provider's certificate", file)
    .option('--oidc-username-claim <claim>', "the claim that is the user's name; sub unless said")
    .option('--oidc-username-prefix <prefix>', "in front of it; the issuer's URL and # unless said, - for none")
    .option('--oidc-groups-claim <claim>', "the claim that is the user's groups")
    .option('--oidc-groups-prefix <prefix>', 'in front of each')
    .option('--oidc-required-claim <claim=value>', 'what tokens must say; again for more', list)
    .option('--oidc-signing-algs <algorithms>', 'of its tokens; RS256 unless said', list)
    .option('--requestheader-allowed-names <names>', "common names of front proxies' certificates", list)
    .option('--requestheader-username-headers <headers>', 'in which they name the user', list)
    .option('--requestheader-uid-headers <headers>', 'in which they say its uid', list)
    .option('--requestheader-group-headers <headers>', 'in which they name its groups', list)
    .option('--requestheader-extra-headers-prefix <prefixes>', 'of headers in which they say more', list)

/** Throws for flags that do not go together. */
export async function authenticationOf(options: AuthenticationOptions): Promise<FileAuthentication> {
  const { authenticationConfig, anonymousAuth } = options
  const oidc = oidcOf(options)
  if (authenticationConfig !== undefined && oidc !== undefined)
    throw new UsageError('authentication-config file and oidc-* flags are mutually exclusive')
  return {
    bootstrapTokens: options.enableBootstrapTokenAuth,
    anonymous: anonymousAuth === undefined ? undefined : { enabled: anonymousAuth },
    configurationFile: authenticationConfig,
    oidc,
    webhook: await webhookOf(options),
    requestHeaders: requestHeadersOf(options),
  }
}

/** A name of nothing but space would be that of any header, or of none. */
function requestHeadersOf(options: AuthenticationOptions): FileAuthentication['requestHeaders'] {
  const { requestheaderUidHeaders: uidHeaders = [] } = options
  const said = {
    'requestheader-username-headers': options.requestheaderUsernameHeaders,
    'requestheader-group-headers': options.requestheaderGroupHeaders,
    'requestheader-extra-headers-prefix': options.requestheaderExtraHeadersPrefix,
    'requestheader-allowed-names': options.requestheaderAllowedNames,
    'requestheader-uid-headers': uidHeaders,
  }
  for (const [flag, values = []] of Object.entries(said))
    if (values.some((value) => value.trim() === '')) throw new UsageError(`empty value in "${flag}"`)
  if (uidHeaders.length > 0 && !uidHeaders.some((name) => name.toLowerCase() === 'x-remote-uid'))
    throw new UsageError(
      '--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - API aggregation will not work',
    )
  return {
    allowedNames: options.requestheaderAllowedNames,
    usernameHeaders: options.requestheaderUsernameHeaders,
    uidHeaders: options.requestheaderUidHeaders,
    groupHeaders: options.requestheaderGroupHeaders,
    extraHeaderPrefixes: options.requestheaderExtraHeadersPrefix,
  }
}

async function webhookOf(options: AuthenticationOptions): Promise<AuthenticationSettings['webhook']> {
  const { authenticationTokenWebhookConfigFile: path, authenticationTokenWebhookVersion: version } = options
  if (version !== 'v1' && version !== 'v1beta1')
    throw new UsageError(
      `unsupported authentication webhook version ${JSON.stringify(version)}, supported versions are "v1", "v1beta1"`,
    )
  if (path === undefined) return undefined
  const { connectionOf, readKubeconfig } = await import('#client')
  try {
    const connection = connectionOf(await readKubeconfig(path), { directory: dirname(path) })
    if (!connection.server.startsWith('https://')) throw new Error(`its server ${connection.server} is not https`)
    return { connection, version, cacheTtlMs: options.authenticationTokenWebhookCacheTtl }
  } catch (error) {
    throw new UsageError(`--authentication-token-webhook-config-file: ${(error as Error).message}`, { cause: error })
  }
}

/** What the flags of one provider say, as a configuration. */
function oidcOf(options: AuthenticationOptions): AuthenticationSettings['oidc'] {
  const { oidcIssuerUrl: url, oidcClientId: id } = options
  const isSaid = Object.entries(options).some(([name, value]) => name.startsWith('oidc') && value !== undefined)
  if (!isSaid) return undefined
  if (url === undefined || id === undefined)
    throw new UsageError('oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set')
  const { oidcGroupsClaim: groups, oidcGroupsPrefix = '', oidcCaFile, oidcSigningAlgs = ['RS256'] } = options
  const jwt: JwtConfiguration = {
    issuer: {
      url,
      audiences: [id],
      ...(oidcCaFile !== undefined && { certificateAuthority: readFlagFile('--oidc-ca-file', oidcCaFile) }),
    },
    claimMappings: {
      username: { claim: options.oidcUsernameClaim ?? 'sub', prefix: usernamePrefixOf(options, url) },
      ...(groups !== undefined && { groups: { claim: groups, prefix: oidcGroupsPrefix } }),
    },
    claimValidationRules: (options.oidcRequiredClaim ?? []).map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`--oidc-required-claim takes claim=value, not '${pair}'`)
      return { claim: pair.slice(0, at), requiredValue: pair.slice(at + 1) }
    }),
  }
  const unknown = oidcSigningAlgs.find((algorithm) => !/^(RS|ES|PS)(256|384|512)$/.test(algorithm))
  if (unknown !== undefined) throw new UsageError(`oidc: unsupported signing alg: ${JSON.stringify(unknown)}`)
  return { configuration: { jwt: [jwt] }, algorithms: oidcSigningAlgs }
}

/** Names of one provider are not to be taken for another's, except addresses, which are everybody's. */
function usernamePrefixOf({ oidcUsernamePrefix, oidcUsernameClaim }: AuthenticationOptions, url: string): string {
  if (oidcUsernamePrefix === '-') return ''
  return oidcUsernamePrefix || (oidcUsernameClaim === 'email' ? '' : `${url}#`)
}
