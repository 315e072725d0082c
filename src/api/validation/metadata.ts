import { isPrintable, type ObjectMeta, type OwnerReference } from '#meta'
import { labels } from './common.ts'
import { asJson, type Findings, invalidValue, tooLong } from './findings.ts'
import { qualifiedName } from './names.ts'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

/** Labels and annotations, of an object or of one inside an object. */
export function validateMaps(metadata: ObjectMeta, path: string, found: Findings): void {
  labels(metadata.labels, `${path}.labels`, found)
  let size = 0
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    for (const detail of qualifiedName(key.toLowerCase())) found.push(invalidValue(`${path}.annotations`, key, detail))
    size += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (size > ANNOTATIONS_BYTES_MAX) found.push(tooLong(`${path}.annotations`, ANNOTATIONS_BYTES_MAX))
}

/** The version of a group, or of the core group, which has no name. */
const GROUP_VERSION = /^(?:([^/]*)\/)?([^/]*)$/

/** Who owns the object: each is named in full, and at most one controls it. */
export function validateOwners({ ownerReferences = [] }: ObjectMeta, path: string, found: Findings): void {
  const own = `${path}.ownerReferences`
  let controller: string | undefined
  for (const owner of ownerReferences) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = owner
    const [, group = '', version = ''] = GROUP_VERSION.exec(apiVersion) ?? []
    if (version === '') found.push(invalidValue(`${own}.apiVersion`, apiVersion, 'version must not be empty'))
    for (const [field, value] of Object.entries({ kind, name, uid }))
      if (value === '') found.push(invalidValue(`${own}.${field}`, value, 'must not be empty'))
    if (group === '' && version === 'v1' && kind === 'Event')
      found.push(invalidValue(own, inOrder(owner), '/v1, Kind=Event is disallowed from being an owner'))
    if (!owner.controller) continue
    const current = `${kind}/${name}`
    if (controller !== undefined) {
      const rule = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`
      found.push(invalidValue(own, ownerReferences.map(inOrder), rule))
    } else controller = current
  }
}

/** An owner as its type prints it, whoever wrote it how. */
const inOrder = ({ apiVersion, kind, name, uid, controller, blockOwnerDeletion }: OwnerReference): OwnerReference => ({
  apiVersion,
  kind,
  name,
  uid,
  ...(controller !== undefined && { controller }),
  ...(blockOwnerDeletion !== undefined && { blockOwnerDeletion }),
})

export function validateFinalizers({ finalizers = [] }: ObjectMeta, path: string, found: Findings): void {
  const own = `${path}.finalizers`
  for (const finalizer of finalizers)
    for (const detail of qualifiedName(finalizer)) found.push(invalidValue(own, finalizer, detail))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    found.push(invalidValue(own, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
}

/** How long the name of a manager may be. */
export const MANAGER_BYTES_MAX = 128
const SUBRESOURCE_BYTES_MAX = 256

/** The name of who manages fields: short, and of what can be shown. */
export function validateFieldManager(manager: string, field: string, found: Findings): void {
  if (Buffer.byteLength(manager) > MANAGER_BYTES_MAX) found.push(tooLong(field, MANAGER_BYTES_MAX))
  if (isPrintable(manager)) return
  let position = 0
  for (const character of manager) {
    if (!isPrintable(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
      found.push(invalidValue(field, manager, `invalid character U+${code} (at position ${position})`))
    }
    position += Buffer.byteLength(character)
  }
}

/** Who manages which fields, as far as it does not concern the fields themselves. */
export function validateManagedFields({ managedFields = [] }: ObjectMeta, path: string, found: Findings): void {
  for (const [index, { manager = '', operation = '', fieldsType = '', subresource = '' }] of managedFields.entries()) {
    const own = `${path}.managedFields[${index}]`
    if (operation !== 'Apply' && operation !== 'Update')
      found.push(invalidValue(`${own}.operation`, asJson(operation), 'must be `Apply` or `Update`'))
    if (fieldsType !== '' && fieldsType !== 'FieldsV1')
      found.push(invalidValue(`${own}.fieldsType`, fieldsType, 'must be `FieldsV1`'))
    validateFieldManager(manager, `${own}.manager`, found)
    if (Buffer.byteLength(subresource) > SUBRESOURCE_BYTES_MAX) found.push(tooLong(`${own}.subresource`, SUBRESOURCE_BYTES_MAX))
  }
}

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])

/** Whoever holds an object has a domain, or is Kubernetes itself. */
export function kubernetesFinalizer(finalizer: string, field: string, found: Findings): void {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return
  found.push(invalidValue(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'))
}
