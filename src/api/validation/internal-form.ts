import { unifiedDiff } from '#base'
import { deref, type ObjectMeta, type Schema } from '#meta'
import type { PodSpec, PodTemplateSpec } from '../generated/types.ts'
import { goNameOf } from '../protobuf/go-names.ts'
import { schemaOf } from '../schemas.ts'
import { ORDER } from './internal-fields.ts'

const CORE = 'io.k8s.api.core.v1.'
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'
/** What upstream's own types say in a pod's security context. */
const OF_HOST = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'] as const

/** A part of a pod or volume, of a type of core/v1, as upstream's errors show it: its own types say every field, by its name in Go. */
export function internalForm(value: object, type: string): Record<string, unknown> {
  const source = (type === 'PodSpec' ? withHost(value as PodSpec) : value) as Readonly<Record<string, unknown>>
  const { properties = {} } = schemaOf(`${CORE}${type === 'PersistentVolumeSource' ? 'PersistentVolumeSpec' : type}`)
  const form: Record<string, unknown> = {}
  for (const key of ORDER[type]!.split(' ')) {
    if (key === 'metadata') Object.assign(form, metaForm((source[key] ?? {}) as ObjectMeta))
    else form[goNameOf(type, key)] = formOf(source[key], properties[key] ?? ofHost(key))
  }
  return form
}

/** What of a text of that kind is other than it was, a line for each field; upstream's words end with it. */
export const differenceOf = (now: object, was: object, type: string): string =>
  unifiedDiff(pretty(internalForm(was, type)), pretty(internalForm(now, type)))

export const templateForm = (template: PodTemplateSpec | undefined): object => internalForm(template ?? {}, 'PodTemplateSpec')

const pretty = (value: unknown): string =>
  JSON.stringify(value, null, 1).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const ofHost = (key: string): Schema => schemaOf(`${CORE}PodSpec`).properties![key]!

function withHost({ securityContext, ...spec }: PodSpec): object {
  const host = Object.fromEntries(OF_HOST.map((key) => [key, spec[key]]))
  return { ...spec, securityContext: { ...host, ...securityContext } }
}

function formOf(value: unknown, property: Schema): unknown {
  const schema = deref(property)
  if (value === undefined || value === null) return unset(schema, property)
  if (Array.isArray(value)) return value.map((each) => formOf(each, schema.items ?? {}))
  if (typeof value !== 'object') return value
  const type = schema.name?.startsWith(CORE) ? schema.name.slice(CORE.length) : ''
  return type in ORDER ? internalForm(value, type) : plainForm(value)
}

/** What Go has where nothing is said: nothing behind a pointer, in a list or a map, else a zero. */
function unset(schema: Schema, { always = false, omitsZero = false }: Schema): unknown {
  const isStruct = schema.properties !== undefined
  if (schema.type === 'array' || schema.additionalProperties !== undefined || !(always || omitsZero)) return null
  if (isStruct) return internalForm({}, schema.name!.slice(CORE.length))
  if (schema.name === QUANTITY) return '0'
  if (schema.type === 'boolean') return false
  return schema.type === 'string' && schema.intOrString !== true ? '' : 0
}

/** Types of `meta/v1` are shown as they are published; maps in the order of their keys. */
function plainForm(value: object): object {
  const { matchLabels, matchExpressions, ...rest } = value as Record<string, unknown>
  if (matchLabels === undefined && matchExpressions === undefined) return sorted(rest)
  return {
    ...(matchLabels !== undefined && { matchLabels: sorted(matchLabels as object) }),
    ...(matchExpressions !== undefined && {
      matchExpressions: (matchExpressions as Record<string, unknown>[]).map(({ key, operator, values }) => ({
        key,
        operator,
        ...(values !== undefined && { values }),
      })),
    }),
  }
}

const sorted = (map: object): object => Object.fromEntries(Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1)))

const META = [
  ...['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation', 'creationTimestamp'],
  ...[
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'labels',
    'annotations',
    'ownerReferences',
    'finalizers',
    'managedFields',
  ],
] as const satisfies readonly (keyof ObjectMeta)[]

function metaForm(metadata: ObjectMeta): object {
  const form: Record<string, unknown> = {}
  for (const key of META) {
    const value = metadata[key]
    if (value === undefined) continue
    form[key] = key === 'labels' || key === 'annotations' ? sorted(value as object) : value
  }
  return form
}
