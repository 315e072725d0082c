import { isObject, type ObjectMeta } from '#meta'
import { complaints, type Findings, invalidValue, required } from '../../validation/findings.ts'
import { validateFinalizers, validateManagedFields, validateMaps, validateOwners } from '../../validation/metadata.ts'
import { dns1035Label, dnsLabel, pathSegmentName } from '../../validation/names.ts'
import { inKeyOrder } from '../internal-form.ts'
import { additionalOf, isEmbedded, propertyOf, type Structural } from './structural.ts'

/** Objects inside a value: they too have a kind, and metadata that must be well-formed. */
export function validateResources(value: unknown, node: Structural, path: string, found: Findings): void {
  if (Array.isArray(value)) {
    if (node.items !== undefined)
      for (const [index, item] of value.entries()) validateResources(item, node.items, `${path}[${index}]`, found)
    return
  }
  if (!isObject(value)) return
  if (isEmbedded(node)) validateResource(value, path, found)
  const additional = additionalOf(node)
  for (const [name, field] of Object.entries(value)) {
    const property = propertyOf(node, name)
    if (property !== undefined) validateResources(field, property, below(path, name), found)
    else if (additional !== undefined) validateResources(field, additional, `${path}[${name}]`, found)
  }
}

export const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

function validateResource(value: Record<string, unknown>, path: string, found: Findings): void {
  const { apiVersion, kind, metadata } = value
  const name = (field: string): string => below(path, field)
  for (const field of ['apiVersion', 'kind']) if (!Object.hasOwn(value, field)) found.push(required(name(field)))
  for (const [field, text] of Object.entries({ apiVersion, kind }))
    if (text !== undefined && typeof text !== 'string')
      found.push(invalidValue(name(field), inKeyOrder(text), 'must be a string'))
    else if (text === '') found.push(invalidValue(name(field), text, 'must not be empty'))
  if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2)
    found.push(invalidValue(name('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
  if (typeof kind === 'string' && kind !== '') {
    const problems = [...dns1035Label(kind.toLowerCase())].join(',')
    if (problems !== '')
      found.push(invalidValue(name('kind'), kind, `may have mixed case, but should otherwise match: ${problems}`))
  }
  if (isObject(metadata)) validateMetadata(metadata, name('metadata'), found)
}

function validateMetadata(metadata: ObjectMeta, path: string, found: Findings): void {
  const { generateName, name, namespace, generation = 0 } = metadata
  if (generateName) complaints(pathSegmentName(generateName, true), generateName, `${path}.generateName`, found)
  if (name) complaints(pathSegmentName(name), name, `${path}.name`, found)
  if (namespace) complaints(dnsLabel(namespace), namespace, `${path}.namespace`, found)
  if (generation < 0) found.push(invalidValue(`${path}.generation`, generation, 'must be greater than or equal to 0'))
  validateMaps(metadata, path, found)
  validateOwners(metadata, path, found)
  validateFinalizers(metadata, path, found)
  validateManagedFields(metadata, path, found)
}
