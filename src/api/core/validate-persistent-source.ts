import type { PersistentVolumeSpec, Volume } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, within } from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'
import { isTargetTooLong, TARGET_TOO_LONG } from './validate-volume.ts'
import { both, initiator, needs, type Rule, storageOS, validateDriverSource } from './validate-volume-source.ts'

/** A secret may be in any namespace, so that it has to be said which. */
const secret: Rule = ({ secretRef }, field, found) => {
  const { name, namespace } = (secretRef ?? {}) as { name?: string; namespace?: string }
  if (secretRef !== undefined && !name) found.push(required(`${field}.secretRef.name`))
  if (secretRef !== undefined && !namespace) found.push(required(`${field}.secretRef.namespace`))
}

const endpointsNamespace: Rule = ({ endpointsNamespace: namespace }, field, found) => {
  const path = `${field}.endpointsNamespace`
  if (namespace === '')
    found.push(invalidValue(path, namespace, 'if the endpointnamespace is set, it must be a valid namespace name'))
  else if (namespace !== undefined) complaints(dnsLabel(namespace as string), namespace, path, found)
}

const emptyNamespace: Rule = ({ secretNamespace }, field, found) => {
  if (secretNamespace === '') found.push(required(`${field}.secretNamespace`))
}

type Target = NonNullable<PersistentVolumeSpec['iscsi']>

function validateISCSI(target: Target, volume: string, field: string, found: Findings): void {
  const { targetPortal = '', iqn, lun, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = target
  const unknown = 'must be valid format'
  if (targetPortal === '') found.push(required(`${field}.targetPortal`))
  if (isTargetTooLong(volume, target)) found.push(invalidValue(`${field}.targetportal`, targetPortal, TARGET_TOO_LONG))
  if (!iqn) found.push(required(`${field}.iqn`))
  else initiator(iqn, unknown, `${field}.iqn`, found)
  within(lun, 0, 255, `${field}.lun`, found)
  if ((chapAuthDiscovery || chapAuthSession) && secretRef === undefined) found.push(required(`${field}.secretRef`))
  if (secretRef !== undefined && !secretRef.name) found.push(required(`${field}.secretRef.name`))
  if (initiatorName !== undefined) initiator(initiatorName, unknown, `${field}.initiatorname`, found)
}

/** Where a persistent volume's source differs from that of a pod's volume. */
const RULES: Readonly<Record<string, Rule>> = {
  azureFile: both(needs('secretName', 'shareName'), emptyNamespace),
  cinder: both(needs('volumeID'), secret),
  glusterfs: both(needs('endpoints', 'path'), endpointsNamespace),
  storageos: both(storageOS, secret),
}

/** Of a volume of that name, by a driver that pods may use without one, too. */
export function validatePersistentSource(
  spec: PersistentVolumeSpec,
  type: keyof PersistentVolumeSpec,
  volume: string,
  field: string,
  found: Findings,
): void {
  const rule = RULES[type]
  if (rule !== undefined) rule(spec[type] as never, `${field}.${type}`, found)
  else if (type === 'iscsi') validateISCSI(spec.iscsi!, volume, `${field}.iscsi`, found)
  else validateDriverSource(spec as unknown as Volume, type, field, found)
}
