import type { ParamKind, ParamRef, ResourceDefinition } from '#api'
import { compileSelector, type KubernetesObject, matches, objectKey } from '#meta'
import type { AdmissionContext, Attributes } from '../types.ts'

/**
 * The parameters of a binding: one run of the policy for each; `[null]` where it takes none. Throws an Error with upstream's sentence where they are
 * missing and that is a failure.
 */
export function paramsOf(
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  { namespace }: Attributes,
  { catalog, cache }: AdmissionContext,
): readonly (KubernetesObject | null)[] {
  if (kind === undefined || ref === undefined) return [null]
  const resource = catalog.findKind(kind.apiVersion ?? '', kind.kind ?? '')
  if (resource === undefined)
    throw new Error(`failed to find resource referenced by paramKind: '${kind.apiVersion}, Kind=${kind.kind}'`)
  const from = placeOf(resource, ref, namespace)
  const found = (
    ref.name
      ? [cache.of(resource).get(objectKey(from === '' ? undefined : from, ref.name))]
      : cache
          .of(resource)
          .list(from)
          .filter(({ object }) => matches(compileSelector(ref.selector ?? {}), object.metadata?.labels))
  ).filter((version) => version !== undefined)
  if (found.length === 0 && ref.parameterNotFoundAction !== 'Allow')
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction')
  return found.map(({ object }) => resource.storage?.fromStored(object) ?? object)
}

function placeOf({ scope }: ResourceDefinition, ref: ParamRef, namespace: string): string {
  if (scope === 'Cluster') {
    if (ref.namespace) throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
    return ''
  }
  const from = ref.namespace || namespace
  if (from === '') throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources')
  return from
}
