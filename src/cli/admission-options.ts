import type { Command } from 'commander'
import type { ApiServerSettings } from '#cluster'
import { file, list } from './component-options.ts'

export interface AdmissionFlags {
  readonly enableAdmissionPlugins?: readonly string[]
  readonly disableAdmissionPlugins?: readonly string[]
  readonly admissionControlConfigFile?: string
}

/** The flags by which admission plugins are chosen and configured, named as upstream's. */
export const withAdmissionOptions = (command: Command): Command =>
  command
    .option('--enable-admission-plugins <names>', 'admission plugins beside those that are on by default', list)
    .option('--disable-admission-plugins <names>', 'admission plugins that are on by default and shall not run', list)
    .option('--admission-control-config-file <file>', 'an AdmissionConfiguration: what plugins are told', file)

export function admissionOf(flags: AdmissionFlags): ApiServerSettings['admission'] {
  const { enableAdmissionPlugins: enable, disableAdmissionPlugins: disable, admissionControlConfigFile } = flags
  return { enable: enable ?? [], disable: disable ?? [], configuration: admissionControlConfigFile }
}
