import { deepEqual } from '#base'
import type { AppArmorProfile, Container, Pod } from '../generated/types.ts'
import { foundBy } from '../validation/findings.ts'
import { CONTAINER_LISTS } from './pod-facts.ts'
import { validateAppArmor } from './validate-security.ts'

export const POD_SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod'
/** The name of a container follows. */
export const CONTAINER_SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/'
export const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/'
export const APP_ARMOR_DETAIL = 'deprecated since v1.30; use the "appArmorProfile" field instead'

const LOCALHOST = 'localhost/'

export const isAppArmorText = (text: string): boolean =>
  text === '' || text === 'runtime/default' || text === 'unconfined' || text.startsWith(LOCALHOST)

/**
 * Gives containers of a new pod the profiles that only annotations name, which kubelets look at no more, and warns
 * (https://kubernetes.io/docs/tutorials/security/apparmor/, KEP-24). Annotations are not made of fields: nobody reads them since 1.34.
 */
export function takeAppArmorAnnotations({ metadata, spec }: Pod, warnings: string[]): void {
  const annotations = metadata?.annotations ?? {}
  if (spec === undefined || spec.os?.name === 'windows') return
  if (!Object.keys(annotations).some((key) => key.startsWith(APP_ARMOR))) return
  for (const container of CONTAINER_LISTS.flatMap((key) => (spec[key] ?? []) as Container[])) {
    const key = `${APP_ARMOR}${container.name}`
    const text = annotations[key]
    if (text === undefined || container.securityContext?.appArmorProfile !== undefined) continue
    const profile = profileOf(text)
    const isValid = profile !== undefined && foundBy((found) => validateAppArmor(profile, '', found)).length === 0
    // What the whole pod has anyway is said twice.
    if (isValid && deepEqual(profile, spec.securityContext?.appArmorProfile)) continue
    if (isValid) (container.securityContext ??= {}).appArmorProfile = profile
    warnings.push(`metadata.annotations[${key}]: ${APP_ARMOR_DETAIL}`)
  }
}

function profileOf(text: string): AppArmorProfile | undefined {
  if (text === 'unconfined') return { type: 'Unconfined' }
  if (text === 'runtime/default') return { type: 'RuntimeDefault' }
  return text.startsWith(LOCALHOST) ? { type: 'Localhost', localhostProfile: text.slice(LOCALHOST.length) } : undefined
}
