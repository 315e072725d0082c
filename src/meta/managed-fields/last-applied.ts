import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import type { KubernetesObject } from '../types.ts'
import { compare } from './compare.ts'
import { difference, EMPTY_SET, type FieldSet, union } from './field-set.ts'
import { fieldsOf } from './fields-of.ts'

/** Where client-side apply keeps what it applied last. */
const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'

/** The manager that moves from client-side to server-side apply without being told of its own conflicts. */
const KUBECTL = 'kubectl'

const ANNOTATIONS_BYTES_MAX = 256 * 1024

/**
 * Fields that client-side apply set and nobody changed since: `kubectl apply --server-side` may take them over.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#migration-between-client-side-and-server-side-apply
 */
export function fieldsToTakeOver(manager: string, live: KubernetesObject | undefined, schema: Schema): FieldSet {
  const text = live?.metadata?.annotations?.[ANNOTATION]
  if (manager !== KUBECTL || text === undefined) return EMPTY_SET
  try {
    const configuration: unknown = JSON.parse(text)
    if (!isObject(configuration)) return EMPTY_SET
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
  if (manager !== KUBECTL || annotations?.[ANNOTATION] === undefined) return object
  const { [ANNOTATION]: _, ...applied } = configuration.metadata?.annotations ?? {}
  const metadata = { ...configuration.metadata, annotations: applied }
  const text = `${JSON.stringify({ ...configuration, metadata })}\n`
  const { [ANNOTATION]: _last, ...others } = annotations
  const fits = Buffer.byteLength(text) + Buffer.byteLength(JSON.stringify(others)) < ANNOTATIONS_BYTES_MAX
  return { ...object, metadata: { ...object.metadata, annotations: fits ? { ...others, [ANNOTATION]: text } : others } }
}
