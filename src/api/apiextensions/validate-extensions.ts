import type { ValidationRule } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import type { Demands } from './demands.ts'
import { schemaForm } from './internal-form.ts'
import { placeOf } from './schema/field-path.ts'
import { unreadable } from './schema/readable.ts'
import { propertyOf, type Structural } from './schema/structural.ts'

const LIST_TYPE = 'x-kubernetes-list-type'
const MAP_TYPE = 'x-kubernetes-map-type'
const MAP_KEYS = 'x-kubernetes-list-map-keys'

/** How lists and maps are merged, and what that asks of their items. */
export function validateLists(schema: Structural, path: string, { atomicSets, mapKeys }: Demands, found: Findings): void {
  const { [LIST_TYPE]: listType, [MAP_TYPE]: mapType, type } = schema
  if (mapType !== undefined) {
    const detail = 'must be object if x-kubernetes-map-type is specified'
    if (!type) found.push(required(`${path}.type`, detail))
    else if (type !== 'object') found.push(invalidValue(`${path}.type`, type, detail))
    if (mapType !== 'atomic' && mapType !== 'granular')
      found.push(unsupported(`${path}.${MAP_TYPE}`, mapType, ['atomic', 'granular']))
  }
  if (listType !== undefined) {
    const detail = 'must be array if x-kubernetes-list-type is specified'
    if (!type) found.push(required(`${path}.type`, detail))
    else if (type !== 'array') found.push(invalidValue(`${path}.type`, type, detail))
    else if (atomicSets) validateSetItems(schema, path, found)
    if (!['atomic', 'set', 'map'].includes(listType))
      found.push(unsupported(`${path}.${LIST_TYPE}`, listType, ['atomic', 'set', 'map']))
  }
  keysOf(schema, path, found)
  if (mapKeys) validateMapKeys(schema, path, found)
}

/** What tells the items of a set apart must be one piece. */
export function validateSetItems({ [LIST_TYPE]: type, items }: Structural, path: string, found: Findings): void {
  if (type !== 'set' || items === undefined) return
  const detail = 'must be atomic as item of a list with x-kubernetes-list-type=set'
  // Upstream shows the items' list type in both cases.
  const { [LIST_TYPE]: listType, [MAP_TYPE]: mapType } = items
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic')
    found.push(invalidValue(`${path}.items.${LIST_TYPE}`, listType, detail))
  if (items.type === 'object' && mapType !== 'atomic')
    found.push(invalidValue(`${path}.items.${MAP_TYPE}`, listType ?? null, detail))
}

function keysOf(schema: Structural, path: string, found: Findings): void {
  const { [LIST_TYPE]: listType, [MAP_KEYS]: keys = [], items } = schema
  if (keys.length > 0 && listType !== 'map') {
    const detail = 'must be map if x-kubernetes-list-map-keys is non-empty'
    found.push(
      listType === undefined ? required(`${path}.${LIST_TYPE}`, detail) : invalidValue(`${path}.${LIST_TYPE}`, listType, detail),
    )
  }
  if (listType !== 'map') return
  if (keys.length === 0) found.push(required(`${path}.${MAP_KEYS}`, 'must not be empty if x-kubernetes-list-type is map'))
  if (items === undefined) {
    found.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'))
    return
  }
  if (Array.isArray(items)) {
    const form = { Schema: null, JSONSchemas: items.map(schemaForm) }
    found.push(invalidValue(`${path}.items`, form, 'must only have a single schema if x-kubernetes-list-type is map'))
    return
  }
  if (items.type !== 'object') {
    found.push(
      invalidValue(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
    )
    return
  }
  for (const [index, key] of keys.entries()) {
    const property = propertyOf(items, key)
    if (property === undefined)
      found.push(invalidValue(`${path}.${MAP_KEYS}`, keys, 'entries must all be names of item properties'))
    else if (property.type === 'array' || property.type === 'object') {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
      found.push(invalidValue(`${path}.items.properties[${key}].type`, items.type, detail))
    }
    if (keys.indexOf(key) < index) found.push(invalidValue(`${path}.${MAP_KEYS}`, keys, 'must not contain duplicate entries'))
  }
}

/** Items of sets and keyed lists are there, and so is each part of a key. */
export function validateMapKeys(
  { [LIST_TYPE]: listType, [MAP_KEYS]: keys = [], items }: Structural,
  path: string,
  found: Findings,
): void {
  if (items === undefined || (listType !== 'set' && listType !== 'map')) return
  if (items.nullable)
    found.push(forbid(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`))
  for (const key of listType === 'map' ? keys : []) {
    const property = propertyOf(items, key)
    if (property === undefined) continue
    const own = `${path}.items.properties[${key}]`
    if (!items.required?.includes(key) && property.default === undefined) {
      const detail = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
      found.push(required(`${own}.default`, detail))
    }
    if (property.nullable)
      found.push(forbid(`${own}.nullable`, 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable'))
  }
}

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text)

/** Rules as texts; what they mean is compiled once the schema is right. */
export function validateRuleTexts(schema: Structural, path: string, found: Findings): void {
  for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries())
    validateRuleText(rule, schema, `${path}.x-kubernetes-validations[${index}]`, found)
}

function validateRuleText(each: ValidationRule, schema: Structural, path: string, found: Findings): void {
  const { rule = '', message = '', messageExpression = '', reason, fieldPath = '' } = each
  if (rule.trim() === '') found.push(required(`${path}.rule`, 'rule is not specified'))
  else if (message !== '' && message.trim() === '')
    found.push(invalidValue(`${path}.message`, message, 'must be non-empty if specified'))
  else if (hasLineBreak(message.trim())) found.push(invalidValue(`${path}.message`, message, 'must not contain line breaks'))
  else if (hasLineBreak(rule.trim()) && message.trim() === '')
    found.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'))
  if (messageExpression !== '' && messageExpression.trim() === '')
    found.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'))
  if (reason !== undefined && !REASONS.includes(reason)) found.push(unsupported(`${path}.reason`, reason, REASONS))
  if (fieldPath === '') return
  if (fieldPath.trim() === '') found.push(invalidValue(`${path}.fieldPath`, fieldPath, 'must be non-empty if specified'))
  if (hasLineBreak(fieldPath)) found.push(invalidValue(`${path}.fieldPath`, fieldPath, 'must not contain line breaks'))
  // A schema that can't be read is complained about where it can't.
  if (unreadable(schema) === undefined && typeof placeOf(fieldPath, schema) === 'string')
    found.push(invalidValue(`${path}.fieldPath`, fieldPath, 'must be a valid path'))
}
