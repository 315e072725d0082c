import type { Command } from 'commander'
import { UsageError } from './command.ts'
import { duration, file, list } from './component-options.ts'

export interface AuthorizationFlags {
  readonly authorizationConfig?: string
  readonly authorizationMode?: readonly string[]
  readonly authorizationPolicyFile?: string
  readonly authorizationWebhookConfigFile?: string
  readonly authorizationWebhookVersion: string
  readonly authorizationWebhookCacheAuthorizedTtl: number
  readonly authorizationWebhookCacheUnauthorizedTtl: number
}

const MODES = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook']
const WEBHOOK_VERSION = 'v1beta1'
const AUTHORIZED_TTL_MS = 5 * 60_000
const UNAUTHORIZED_TTL_MS = 30_000
/** What upstream gives the webhook of these flags. */
const WEBHOOK_TIMEOUT = '30s'

export const withAuthorizationOptions = (command: Command): Command =>
  command
    .option('--authorization-config <file>', 'an AuthorizationConfiguration; read again when it changes', file)
    .option('--authorization-mode <modes>', `who is asked, in order, of ${MODES.join(', ')} (default: Node,RBAC)`, list)
    .option('--authorization-policy-file <file>', 'the policies of mode ABAC, one on each line', file)
    .option('--authorization-webhook-config-file <file>', 'a kubeconfig of the authorizer of mode Webhook', file)
    .option('--authorization-webhook-version <version>', 'of the SubjectAccessReviews it is sent', WEBHOOK_VERSION)
    .option(
      '--authorization-webhook-cache-authorized-ttl <duration>',
      'how long its yes is remembered',
      duration('--authorization-webhook-cache-authorized-ttl'),
      AUTHORIZED_TTL_MS,
    )
    .option(
      '--authorization-webhook-cache-unauthorized-ttl <duration>',
      'how long its no is remembered',
      duration('--authorization-webhook-cache-unauthorized-ttl'),
      UNAUTHORIZED_TTL_MS,
    )

/** The configuration file, or what the older flags say in its words; undefined: the default. */
export function authorizationOf(
  flags: AuthorizationFlags,
): { readonly file: string } | { readonly document: string; readonly policyFile: string | undefined } | undefined {
  const { authorizationConfig, authorizationMode: modes, authorizationPolicyFile: policyFile } = flags
  const { authorizationWebhookConfigFile: kubeConfigFile } = flags
  if (authorizationConfig !== undefined) {
    if (modes !== undefined || kubeConfigFile !== undefined || hasWebhookFlags(flags))
      throw new UsageError(
        '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined',
      )
    return { file: authorizationConfig }
  }
  for (const mode of modes ?? []) {
    if (!MODES.includes(mode)) throw new UsageError(`--authorization-mode knows ${MODES.join(', ')}, not '${mode}'`)
  }
  if (modes !== undefined && new Set(modes).size < modes.length) throw new UsageError('--authorization-mode names a mode twice')
  const usesWebhook = modes?.includes('Webhook') ?? false
  if (usesWebhook && kubeConfigFile === undefined)
    throw new UsageError("authorization-mode Webhook's authorization config file not passed: --authorization-webhook-config-file")
  if (!usesWebhook && kubeConfigFile !== undefined)
    throw new UsageError('cannot specify --authorization-webhook-config-file without mode Webhook')
  if (modes?.includes('ABAC') && policyFile === undefined)
    throw new UsageError("authorization-mode ABAC's authorization policy file not passed: --authorization-policy-file")
  if (!modes?.includes('ABAC') && policyFile !== undefined)
    throw new UsageError('cannot specify --authorization-policy-file without mode ABAC')
  if (modes === undefined) return undefined
  return { document: documentOf(modes, flags), policyFile }
}

const hasWebhookFlags = (flags: AuthorizationFlags): boolean =>
  flags.authorizationWebhookVersion !== WEBHOOK_VERSION ||
  flags.authorizationWebhookCacheAuthorizedTtl !== AUTHORIZED_TTL_MS ||
  flags.authorizationWebhookCacheUnauthorizedTtl !== UNAUTHORIZED_TTL_MS

function documentOf(modes: readonly string[], flags: AuthorizationFlags): string {
  const { authorizationWebhookCacheAuthorizedTtl: authorizedMs, authorizationWebhookCacheUnauthorizedTtl: unauthorizedMs } = flags
  const webhook = {
    timeout: WEBHOOK_TIMEOUT,
    subjectAccessReviewVersion: flags.authorizationWebhookVersion,
    failurePolicy: 'NoOpinion',
    ...(authorizedMs > 0 ? { authorizedTTL: `${authorizedMs}ms` } : { cacheAuthorizedRequests: false }),
    ...(unauthorizedMs > 0 ? { unauthorizedTTL: `${unauthorizedMs}ms` } : { cacheUnauthorizedRequests: false }),
    connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: flags.authorizationWebhookConfigFile ?? '' },
  }
  return JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthorizationConfiguration',
    authorizers: modes.map((type) =>
      type === 'Webhook' ? { type, name: 'default', webhook } : { type, name: type.toLowerCase() },
    ),
  })
}
