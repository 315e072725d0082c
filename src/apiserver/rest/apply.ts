import { apiVersionOf, badRequest, conflict, isObject, type KubernetesObject } from '#meta'
import type { Authorizer } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import { type DecodeOptions, decodeBody, readObject, strictDuplicates } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { CreateOptions, Registry } from '../registry/registry.ts'
import { upsert, type WrittenVersion } from './upsert.ts'
import { checkIdentity, decodeOptionsOf, isDryRun, toStored } from './write-options.ts'

/** Server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/): makes the object when there is none. */
export async function apply(
  context: RequestContext,
  registry: Registry,
  authorizers: readonly Authorizer[],
): Promise<WrittenVersion> {
  checkWriteOptions(context, 'PatchOptions', true)
  const { info, resource } = context
  const { value, duplicates } = await decodeBody(context.body, decodeOptionsOf(context))
  context.audit?.patched(value)
  const configuration = checkedConfiguration(value, context)
  const { uid, resourceVersion } = configuration.metadata ?? {}
  const applied = onto(context, registry, configuration, duplicates)
  const dryRun = isDryRun(context)
  const create = async (authorize: CreateOptions['authorize']): Promise<ObjectVersion> => {
    if (uid !== undefined) {
      throw conflict(
        resource,
        info.name,
        `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
      )
    }
    return registry.create(context, applied(undefined), { dryRun, authorize, applied: true })
  }
  return upsert(context, authorizers, {
    update: () =>
      registry.update(context, info.name, {
        dryRun,
        subresource: info.subresource,
        preconditions: { uid, resourceVersion },
        applied: true,
        transform: applied,
      }),
    create: info.subresource === '' && resource.verbs.includes('create') ? create : undefined,
  })
}

/** The stored form of what the configuration makes of a live object, with its managers. */
export function onto(
  context: RequestContext,
  registry: Registry,
  configuration: KubernetesObject,
  duplicates: readonly string[],
): (live: KubernetesObject | undefined) => KubernetesObject {
  const { resource, info } = context
  let first = true
  return (live) =>
    registry.fields.apply(context, info.subresource, live, configuration, (merged) => {
      const options = decodeOptionsOf(context)
      // A retry repeats the same findings; they are told once.
      if (first) tellDuplicates(duplicates, options)
      const object = readObject(merged, [], resource, first ? options : { ...options, warnings: [] })
      first = false
      checkIdentity(object, context)
      return toStored(context, object)
    })
}

function tellDuplicates(duplicates: readonly string[], { fieldValidation, warnings }: DecodeOptions): void {
  if (duplicates.length === 0) return
  if (fieldValidation === 'Strict')
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${strictDuplicates(duplicates).join(', ')}`)
  warnings.push(...duplicates)
}

/** What may be applied. Whom it names is asked of what it makes of the live object. */
export function checkedConfiguration(value: unknown, { resource }: RequestContext): KubernetesObject {
  if (!isObject(value)) throw badRequest('error decoding YAML: an object was expected')
  const { apiVersion, kind, metadata } = value
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) {
    throw badRequest(`invalid object type: ${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}`)
  }
  if (metadata !== undefined && !isObject(metadata)) throw badRequest('metadata must be an object')
  if (metadata?.['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil')
  return value as KubernetesObject
}
