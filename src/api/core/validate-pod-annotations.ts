import type { AppArmorProfile, PodSpec, SeccompProfile, Toleration } from '../generated/types.ts'
import { type Findings, forbid, invalidValue } from '../validation/findings.ts'
import { hasContainer, visitedContainers } from './pod-facts.ts'
import { APP_ARMOR, CONTAINER_SECCOMP, isAppArmorText, POD_SECCOMP } from './profile-annotations.ts'
import { descendingPath } from './validate-path.ts'
import { validateTolerations } from './validate-scheduling.ts'

type Annotations = Readonly<Record<string, string>>

const MIRROR = 'kubernetes.io/config.mirror'
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'

/** Annotations that mean something to Kubernetes. A cost that was none before (`old`) may stay so. */
export function validatePodAnnotations(
  annotations: Annotations,
  spec: PodSpec,
  field: string,
  found: Findings,
  old?: Annotations,
): void {
  const mirror = annotations[MIRROR]
  if (mirror !== undefined && !spec.nodeName)
    found.push(invalidValue(`${field}[${MIRROR}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set'))
  if (annotations[TOLERATIONS]) validateTolerationsText(annotations[TOLERATIONS], field, found)
  const cost = annotations[DELETION_COST]
  if (cost !== undefined && !isInt32(cost) && (old?.[DELETION_COST] === undefined || isInt32(old[DELETION_COST])))
    found.push(invalidValue(`${field}[${DELETION_COST}]`, cost, 'must be a 32bit integer'))
  for (const key in annotations)
    if (key === POD_SECCOMP || key.startsWith(CONTAINER_SECCOMP)) validateSeccompText(annotations[key]!, `${field}.${key}`, found)
  for (const key in annotations)
    if (key.startsWith(APP_ARMOR)) validateAppArmorText(key, annotations[key]!, spec, `${field}[${key}]`, found)
}

function validateTolerationsText(text: string, field: string, found: Findings): void {
  try {
    const tolerations = JSON.parse(text) as Toleration[]
    if (Array.isArray(tolerations)) validateTolerations(tolerations, `${field}.${TOLERATIONS}`, found)
    else found.push(invalidValue(field, TOLERATIONS, 'json: cannot unmarshal object into Go value of type []v1.Toleration'))
  } catch (error) {
    found.push(invalidValue(field, TOLERATIONS, (error as Error).message))
  }
}

function isInt32(text: string): boolean {
  return /^-?\d{1,10}$/.test(text) && !/^0\d/.test(text) && Number(text) === (Number(text) | 0)
}

/** How profiles of seccomp were named before there were fields; a path below the node's own folder of profiles, with a prefix. */
function validateSeccompText(text: string, field: string, found: Findings): void {
  if (text === 'runtime/default' || text === 'docker/default' || text === 'unconfined') return
  if (text.startsWith(LOCALHOST)) descendingPath(text.slice(LOCALHOST.length), field, found)
  else found.push(invalidValue(field, text, 'must be a valid seccomp profile'))
}

const LOCALHOST = 'localhost/'

function validateAppArmorText(key: string, text: string, spec: PodSpec, field: string, found: Findings): void {
  const container = key.slice(APP_ARMOR.length)
  if (!hasContainer(spec, ({ name }) => name === container)) found.push(invalidValue(field, container, 'container not found'))
  if (!isAppArmorText(text)) found.push(invalidValue(field, text, `invalid AppArmor profile name: ${JSON.stringify(text)}`))
}

/** What a kubelet began by, or what shows what it runs, stays. */
export function validateAnnotationChange(now: Annotations = {}, was: Annotations = {}, field: string, found: Findings): void {
  for (const key in was) {
    if (now[key] === was[key]) continue
    if (key.startsWith(APP_ARMOR)) found.push(forbid(`${field}[${key}]`, 'may not remove or update AppArmor annotations'))
    if (key === MIRROR) found.push(forbid(`${field}[${key}]`, 'may not remove or update mirror pod annotation'))
  }
  for (const key in now) {
    if (was[key] !== undefined) continue
    if (key.startsWith(APP_ARMOR)) found.push(forbid(`${field}[${key}]`, 'may not add AppArmor annotations'))
    if (key === MIRROR) found.push(forbid(`${field}[${key}]`, 'may not add mirror pod annotation'))
  }
}

/** Profiles that annotations and fields name must be the same. */
export function validateProfiles(annotations: Annotations, spec: PodSpec, field: string, found: Findings): void {
  if (
    Object.keys(annotations).every(
      (key) => key !== POD_SECCOMP && !key.startsWith(CONTAINER_SECCOMP) && !key.startsWith(APP_ARMOR),
    )
  )
    return
  const { seccompProfile: ofPod, appArmorProfile } = spec.securityContext ?? {}
  const seccomp = `securityContext.seccompProfile`
  matches('seccomp', ofPod, annotations[POD_SECCOMP], seccompTypes, `${field}.${seccomp}`, found)
  const containers = visitedContainers(spec, field)
  for (const [{ name, securityContext }, path] of containers) {
    const text = annotations[`${CONTAINER_SECCOMP}${name}`]
    matches('seccomp', securityContext?.seccompProfile, text, seccompTypes, `${path}.${seccomp}`, found)
  }
  if (spec.os?.name === 'windows') return
  for (const [{ name, securityContext }, path] of containers) {
    const profile = securityContext?.appArmorProfile ?? appArmorProfile
    const text = annotations[`${APP_ARMOR}${name}`]
    matches('apparmor', profile, text, appArmorTypes, `${path}.securityContext.appArmorProfile`, found)
  }
}

const seccompTypes: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ['unconfined'],
  RuntimeDefault: ['runtime/default', 'docker/default'],
}
const appArmorTypes: Readonly<Record<string, readonly string[]>> = {
  Unconfined: ['unconfined'],
  RuntimeDefault: ['runtime/default'],
}

function matches(
  what: 'seccomp' | 'apparmor',
  profile: SeccompProfile | AppArmorProfile | undefined,
  text: string | undefined,
  types: Readonly<Record<string, readonly string[]>>,
  path: string,
  found: Findings,
): void {
  if (profile === undefined || text === undefined) return
  const { type, localhostProfile } = profile
  const isOfType = type === 'Localhost' ? text.startsWith(LOCALHOST) : (types[type]?.includes(text) ?? true)
  if (!isOfType) found.push(forbid(`${path}.type`, `${what} type in annotation and field must match`))
  else if (type === 'Localhost' && text.slice(LOCALHOST.length) !== localhostProfile)
    found.push(forbid(`${path}.localhostProfile`, `${what} profile in annotation and field must match`))
}
