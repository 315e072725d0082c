import type { Command } from 'commander'
import type { ApiServerSettings } from '#cluster'
import { UsageError } from './command.ts'
import { boolean, file } from './component-options.ts'

export interface EncryptionFlags {
  readonly encryptionProviderConfig?: string
  readonly encryptionProviderConfigAutomaticReload: boolean
}

/** The flags by which what is stored is encrypted, named as upstream's. */
export const withEncryptionOptions = (command: Command): Command =>
  command
    .option('--encryption-provider-config <file>', 'how what is stored is encrypted, as an EncryptionConfiguration', file)
    .option(
      '--encryption-provider-config-automatic-reload [bool]',
      'whether a change of that file takes force at once',
      boolean('--encryption-provider-config-automatic-reload'),
      false,
    )

export function encryptionOf(flags: EncryptionFlags): ApiServerSettings['encryption'] {
  const { encryptionProviderConfig, encryptionProviderConfigAutomaticReload: automaticReload } = flags
  if (encryptionProviderConfig !== undefined) return { file: encryptionProviderConfig, automaticReload }
  if (automaticReload)
    throw new UsageError('--encryption-provider-config-automatic-reload must be set with --encryption-provider-config')
  return undefined
}
