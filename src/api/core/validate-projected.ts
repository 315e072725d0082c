import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
} from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { resourceField, volumeField } from './validate-environment.ts'
import { relativePath, validateItem, validateMode } from './validate-path.ts'

const TOKEN_SECONDS_MIN = 600
const TOKEN_SECONDS_MAX = 2 ** 32

/** A file of the downward API; upstream tells of it at the volume. */
export function* validateFile({ path, fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile, field: string): Findings {
  yield* relativePath(path, `${field}.path`)
  if (fieldRef) {
    yield* volumeField(fieldRef, `${field}.fieldRef`)
    if (resourceFieldRef)
      yield invalidValue(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')
  } else if (resourceFieldRef) yield* resourceField(resourceFieldRef, true, `${field}.resourceFieldRef`)
  else yield required(field, 'one of fieldRef and resourceFieldRef is required')
  yield* validateMode(mode, `${field}.mode`)
}

export function* validateProjected({ sources = [], defaultMode }: ProjectedVolumeSource, field: string): Findings {
  yield* validateMode(defaultMode, `${field}.defaultMode`)
  const taken = new Set<string>()
  function* claim(path: string | undefined, shown: string | undefined): Findings {
    if (path && taken.has(path)) yield invalidValue(field, shown, 'conflicting duplicate paths')
    if (path) taken.add(path)
  }
  for (const [index, source] of sources.entries()) {
    const at = `${field}.sources[${index}]`
    for (const type of ['secret', 'configMap'] as const) {
      const projection = source[type]
      if (projection === undefined) continue
      if (!projection.name) yield required(`${at}.${type}.name`)
      for (const [place, item] of (projection.items ?? []).entries()) {
        yield* validateItem(item, `${at}.${type}.items[${place}]`)
        yield* claim(item.path, projection.name)
      }
    }
    for (const file of source.downwardAPI?.items ?? []) {
      yield* validateFile(file, `${at}.downwardAPI`)
      yield* claim(file.path, file.path)
    }
    if (source.serviceAccountToken) yield* validateToken(source.serviceAccountToken, field, `${at}.serviceAccountToken`)
    if (source.clusterTrustBundle) {
      yield* validateTrustBundle(source.clusterTrustBundle, `${at}.clusterTrustBundle`)
      yield* claim(source.clusterTrustBundle.path, source.clusterTrustBundle.path)
    }
    if (Object.values(source).filter((each) => each !== undefined).length > 1)
      yield forbid(at, 'may not specify more than 1 volume type per source')
  }
}

/** A path that is wrong is told at the volume. */
function* validateToken(
  { expirationSeconds = TOKEN_SECONDS_MIN, path }: ServiceAccountTokenProjection,
  volume: string,
  field: string,
): Findings {
  if (expirationSeconds < TOKEN_SECONDS_MIN)
    yield invalidValue(`${field}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes')
  if (expirationSeconds > TOKEN_SECONDS_MAX)
    yield invalidValue(`${field}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds')
  yield* relativePath(path, `${volume}.path`)
}

function* validateTrustBundle(bundle: ClusterTrustBundleProjection, field: string): Findings {
  const { name, signerName, path } = bundle
  if (name !== undefined && signerName !== undefined)
    yield invalidValue(field, bundle, 'only one of name and signerName may be used')
  else if (name !== undefined) {
    if (name === '') yield required(`${field}.name`, 'must be a valid object name')
    if (bundle.labelSelector !== undefined)
      yield invalidValue(`${field}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified')
  } else if (signerName !== undefined) {
    if (signerName === '') yield required(`${field}.signerName`, 'must be a valid signer name')
    yield* labelSelector(bundle.labelSelector, `${field}.labelSelector`)
  } else yield required(field, 'either name or signerName must be specified')
  yield* relativePath(path, `${field}.path`)
}
