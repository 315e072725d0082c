import { Command } from 'commander'
import type { ApiServerFlags, ApiServerSettings, ServiceAccountSettings } from '#cluster'
import { type AdmissionFlags, admissionOf, withAdmissionOptions } from './admission-options.ts'
import { type AuditOptions, auditOf, withAuditOptions } from './audit-options.ts'
import { type AuthenticationOptions, authenticationOf, withAuthenticationOptions } from './authentication-options.ts'
import { type AuthorizationFlags, authorizationOf, withAuthorizationOptions } from './authorization-options.ts'
import { type EnablementFlags, enablementOf, withEnablementOptions } from './enablement-options.ts'
import { type EncryptionFlags, encryptionOf, withEncryptionOptions } from './encryption-options.ts'
import { flagTexts } from './flag-texts.ts'
import { type ServiceAccountFlags, serviceAccountsOf, withServiceAccountOptions } from './service-account-options.ts'
import { type ShutdownFlags, shutdownOf, withShutdownOptions } from './shutdown-options.ts'

export interface ApiServerOptions
  extends AuthenticationOptions,
    ServiceAccountFlags,
    AuthorizationFlags,
    AdmissionFlags,
    AuditOptions,
    EncryptionFlags,
    EnablementFlags,
    ShutdownFlags {}

/** What an API server is told of who asks, what they may, what is recorded and how it is stored: upstream's flags, alone or in a cluster. */
export function withApiServerOptions(command: Command): Command {
  const groups = [
    ['Authentication', withAuthenticationOptions],
    ['Service accounts', withServiceAccountOptions],
    ['Authorization', withAuthorizationOptions],
    ['Admission', withAdmissionOptions],
    ['Audit', withAuditOptions],
    ['Encryption', withEncryptionOptions],
    ['Enablement', withEnablementOptions],
    ['Shutdown', withShutdownOptions],
  ] as const
  for (const [heading, add] of groups) add(command.optionsGroup(`${heading} of the API server:`))
  return command.optionsGroup('Options:')
}

/** The same for a cluster, which keeps them: an empty value takes one back. */
export function withKeptApiServerOptions(command: Command): Command {
  const before = command.options.length
  withApiServerOptions(command)
  for (const option of command.options.slice(before)) {
    const { parseArg: parse } = option
    if (parse !== undefined) option.parseArg = (text, previous) => (text === '' ? (text as never) : parse(text, previous))
  }
  return command.addHelpText(
    'after',
    "\nWhat the API server is told is kept in the data directory and holds at later starts; an empty value (--audit-policy-file=) takes it back. What they mean is upstream's: https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/",
  )
}

/** Throws for flags that do not go together. An empty value says nothing. */
export async function apiServerSettingsOf(
  options: ApiServerOptions,
): Promise<ApiServerSettings & { readonly serviceAccounts: ServiceAccountSettings }> {
  const flags = Object.fromEntries(Object.entries(options).filter(([, value]) => !isEmpty(value))) as unknown as ApiServerOptions
  return {
    authentication: await authenticationOf(flags),
    serviceAccounts: serviceAccountsOf(flags),
    authorization: authorizationOf(flags),
    admission: admissionOf(flags),
    audit: auditOf(flags),
    encryption: encryptionOf(flags),
    shutdown: shutdownOf(flags),
    ...(await enablementOf(flags)),
    flags: flagTexts(
      { ...options },
      alone().options.map((option) => [option.attributeName(), option.long!.slice('--'.length)]),
    ),
  }
}

/** What of these flags is said on a command's line, to be kept. */
export const saidApiServerFlags = (command: Command): ApiServerFlags =>
  Object.fromEntries(
    alone()
      .options.map((option) => option.attributeName())
      .filter((name) => command.getOptionValueSource(name) === 'cli')
      .map((name) => {
        const value: unknown = command.getOptionValue(name)
        return [name, isEmpty(value) ? undefined : value]
      }),
  )

/** As {@link apiServerSettingsOf}, of flags that were kept; what is not among them has its default. */
export const keptApiServerSettings = (flags: ApiServerFlags): ReturnType<typeof apiServerSettingsOf> =>
  apiServerSettingsOf({ ...alone().opts<ApiServerOptions>(), ...flags })

const alone = (): Command => withApiServerOptions(new Command())

const isEmpty = (value: unknown): boolean => value === '' || (Array.isArray(value) && value.length === 0)
