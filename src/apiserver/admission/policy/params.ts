import type { ParamKind, ParamRef, ResourceDefinition } from '#api'
import { compileSelector, type KubernetesObject, matches, objectKey, parseApiVersion } from '#meta'
import type { AdmissionContext, Attributes } from '../types.ts'

/** The resource of a policy's parameters; undefined where it takes none. Throws an Error with upstream's sentence where it is not served. */
export function paramResource(kind: ParamKind | undefined, { catalog }: AdmissionContext): ResourceDefinition | undefined {
  if (kind === undefined) return undefined
  const { apiVersion = '' } = kind
  const resource = catalog.findKind(apiVersion, kind.kind ?? '')
  if (resource !== undefined) return resource
  const { group, version } = parseApiVersion(apiVersion)
  throw new Error(`failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind.kind ?? ''}'`)
}

/**
 * The parameters of a binding: one run of the policy for each; `[null]` where it takes none. Throws an Error with upstream's sentence where they are
 * missing and that is a failure.
 */
export function paramsOf(
  resource: ResourceDefinition | undefined,
  ref: ParamRef | undefined,
  { namespace }: Attributes,
  { cache }: AdmissionContext,
): readonly (KubernetesObject | null)[] {
  if (resource === undefined || ref === undefined) return [null]
  const from = placeOf(resource, ref, namespace)
  const found = (
    ref.name
      ? [cache.of(resource).get(objectKey(from === '' ? undefined : from, ref.name))]
      : cache
          .of(resource)
          .list(from)
          .filter(({ object }) => matches(compileSelector(ref.selector ?? {}), object.metadata?.labels))
  ).filter((version) => version !== undefined)
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny')
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
