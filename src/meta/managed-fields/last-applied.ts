import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import type { KubernetesObject } from '../types.ts'
import { compare } from './compare.ts'
import { jsonText } from './element.ts'
import { difference, EMPTY_SET, type FieldSet, union } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'

/** Who writes, in the version of the request. */
interface Writer {
  readonly manager: string
  readonly apiVersion: string
}

/** Where client-side apply keeps what it applied last. */
const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'

/** The manager that moves from client-side to server-side apply without being told of its own conflicts. */
const KUBECTL = 'kubectl'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

/**
 * Fields that client-side apply set and nobody changed since: `kubectl apply --server-side` may take them over.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#migration-between-client-side-and-server-side-apply
 */
export function fieldsToTakeOver({ manager, apiVersion }: Writer, live: KubernetesObject, schema: Schema): FieldSet {
  const text = live.metadata?.annotations?.[ANNOTATION]
  if (manager !== KUBECTL || !text) return EMPTY_SET
  try {
    const configuration: unknown = JSON.parse(text)
    if (!isObject(configuration) || configuration['apiVersion'] !== apiVersion) return EMPTY_SET
    // Items that can't be told apart give no right, either.
    fieldsOf(live, schema, ANNOTATION)
    const { added, modified } = compare(live, configuration, schema)
    return difference(fieldsOf(configuration, schema, ANNOTATION), union(added, modified))
  } catch {
    // Anybody may write annotations; what can't be read gives no right.
    return EMPTY_SET
  }
}

/** Brings the annotation up to date, for a user who goes back to client-side apply. */
export function withLastApplied(manager: string, object: KubernetesObject, configuration: KubernetesObject): KubernetesObject {
  const annotations = object.metadata?.annotations
  if (manager !== KUBECTL || !annotations?.[ANNOTATION]) return object
  const text = `${jsonText(withoutAnnotation(configuration))}\n`
  const { [ANNOTATION]: _last, ...others } = annotations
  const fits = bytesOf({ ...others, [ANNOTATION]: text }) <= ANNOTATIONS_BYTES_MAX
  return { ...object, metadata: { ...object.metadata, annotations: fits ? { ...others, [ANNOTATION]: text } : others } }
}

function withoutAnnotation(configuration: KubernetesObject): KubernetesObject {
  const { annotations } = configuration.metadata ?? {}
  if (annotations === undefined) return configuration
  const { [ANNOTATION]: _, ...others } = annotations
  return { ...configuration, metadata: { ...configuration.metadata, annotations: others } }
}

const bytesOf = (annotations: Readonly<Record<string, string>>): number =>
  Object.entries(annotations).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
