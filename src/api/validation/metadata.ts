import type { ObjectMeta } from '#meta'
import { labels } from './common.ts'
import { type Findings, invalidValue, tooLong } from './findings.ts'
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

/** Who owns the object: each is named in full, and at most one controls it. */
export function validateOwners({ ownerReferences = [] }: ObjectMeta, path: string, found: Findings): void {
  const own = `${path}.ownerReferences`
  let controller: string | undefined
  for (const owner of ownerReferences) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = owner
    if (apiVersion.split('/').at(-1) === '')
      found.push(invalidValue(`${own}.apiVersion`, apiVersion, 'version must not be empty'))
    for (const [field, value] of Object.entries({ kind, name, uid }))
      if (value === '') found.push(invalidValue(`${own}.${field}`, value, 'must not be empty'))
    if (apiVersion === 'v1' && kind === 'Event')
      found.push(invalidValue(own, owner, '/v1, Kind=Event is disallowed from being an owner'))
    if (!owner.controller) continue
    const current = `${kind}/${name}`
    if (controller !== undefined) {
      const rule = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`
      found.push(invalidValue(own, ownerReferences, rule))
    } else controller = current
  }
}

export function validateFinalizers({ finalizers = [] }: ObjectMeta, path: string, found: Findings): void {
  const own = `${path}.finalizers`
  for (const finalizer of finalizers)
    for (const detail of qualifiedName(finalizer)) found.push(invalidValue(own, finalizer, detail))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    found.push(invalidValue(own, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
}
