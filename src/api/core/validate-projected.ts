import { bundleNameProblems } from '../certificates/trust-bundle-name.ts'
import { validateSignerName } from '../certificates/validate-signing-request.ts'
import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
} from '../generated/types.ts'
import { countSet, labelSelector } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, lenient, nothing, required } from '../validation/findings.ts'
import { internalForm } from '../validation/internal-form.ts'
import type { PodLeniency } from './pod-leniency.ts'
import { resourceField, volumeField } from './validate-environment.ts'
import { descendingName, relativePath, validateItem, validateMode } from './validate-path.ts'
import { validatePodCertificate } from './validate-pod-certificate.ts'

const TOKEN_SECONDS_MIN = 600
const TOKEN_SECONDS_MAX = 2 ** 32

/** A file of the downward API; upstream tells of it at the volume. */
export function validateFile(
  { path, fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile,
  field: string,
  found: Findings,
): void {
  relativePath(path, `${field}.path`, found)
  if (fieldRef) {
    volumeField(fieldRef, `${field}.fieldRef`, found)
    if (resourceFieldRef)
      found.push(invalidValue(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'))
  } else if (resourceFieldRef) resourceField(resourceFieldRef, true, `${field}.resourceFieldRef`, found)
  else found.push(required(field, 'one of fieldRef and resourceFieldRef is required'))
  validateMode(mode, `${field}.mode`, found)
}

const FILE_SOURCES = ['secret', 'configMap'] as const

export function validateProjected(
  { sources = [], defaultMode }: ProjectedVolumeSource,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  validateMode(defaultMode, `${field}.defaultMode`, found)
  const taken = new Set<string>()
  const claim = (path: string | undefined, shown = ''): void => {
    if (path === undefined) return
    if (taken.has(path)) found.push(invalidValue(field, shown, 'conflicting duplicate paths'))
    taken.add(path)
  }
  for (const [index, source] of sources.entries()) {
    const at = `${field}.sources[${index}]`
    for (const type of FILE_SOURCES) {
      const projection = source[type]
      if (projection === undefined) continue
      if (!projection.name) found.push(required(`${at}.${type}.name`))
      for (const [place, item] of (projection.items ?? []).entries()) {
        validateItem(item, `${at}.${type}.items[${place}]`, found)
        if (item.path) claim(item.path, projection.name)
      }
    }
    for (const file of source.downwardAPI?.items ?? []) {
      validateFile(file, `${at}.downwardAPI`, found)
      if (file.path) claim(file.path, file.path)
    }
    if (source.serviceAccountToken) validateToken(source.serviceAccountToken, field, `${at}.serviceAccountToken`, leniency, found)
    if (source.clusterTrustBundle) {
      validateTrustBundle(source.clusterTrustBundle, `${at}.clusterTrustBundle`, found)
      claim(source.clusterTrustBundle.path ?? '', source.clusterTrustBundle.path)
    }
    if (source.podCertificate)
      validatePodCertificate(source.podCertificate, (path) => claim(path, path), `${at}.podCertificate`, found)
    if (countSet(source) > 1) found.push(forbid(at, 'may not specify more than 1 volume type per source'))
  }
}

/** A path that is wrong is told at the volume. */
function validateToken(
  { expirationSeconds = TOKEN_SECONDS_MIN, path }: ServiceAccountTokenProjection,
  volume: string,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  if (expirationSeconds < TOKEN_SECONDS_MIN)
    found.push(invalidValue(`${field}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes'))
  if (expirationSeconds > TOKEN_SECONDS_MAX)
    found.push(
      invalidValue(`${field}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'),
    )
  if (!path) found.push(required(`${volume}.path`))
  else
    lenient(
      () => leniency.anyTokenPath,
      (own) => descendingName(path, `${volume}.path`, own),
      nothing,
      found,
    )
}

function validateTrustBundle(bundle: ClusterTrustBundleProjection, field: string, found: Findings): void {
  const { name, signerName, path } = bundle
  if (name !== undefined && signerName !== undefined)
    found.push(
      invalidValue(field, internalForm(bundle, 'ClusterTrustBundleProjection'), 'only one of name and signerName may be used'),
    )
  else if (name !== undefined) {
    if (name === '') found.push(required(`${field}.name`, 'must be a valid object name'))
    const colon = name.lastIndexOf(':')
    const signer = colon === -1 ? '' : name.slice(0, colon).replaceAll(':', '/')
    for (const problem of bundleNameProblems(signer, name, false))
      found.push(invalidValue(`${field}.name`, name, `not a valid clustertrustbundlename: ${problem}`))
    if (bundle.labelSelector !== undefined)
      found.push(invalidValue(`${field}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified'))
  } else if (signerName !== undefined) {
    if (signerName === '') found.push(required(`${field}.signerName`, 'must be a valid signer name'))
    validateSignerName(signerName, `${field}.signerName`, found)
    labelSelector(bundle.labelSelector, `${field}.labelSelector`, found)
  } else found.push(required(field, 'either name or signerName must be specified'))
  relativePath(path, `${field}.path`, found)
}
