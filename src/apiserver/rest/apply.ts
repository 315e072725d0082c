import { apiVersionOf, badRequest, conflict, isAlreadyExists, isNotFound, isObject, type KubernetesObject } from '#meta'
import { type Authorizer, requireAuthorization } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import { type DecodeOptions, decodeBody, readObject, strictDuplicates } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import type { Registry } from '../registry/registry.ts'
import { checkIdentity, decodeOptionsOf, isDryRun, toStored } from './write-options.ts'

/** An object that is deleted and made again all the time is given up on. */
const RACES_MAX = 5

export interface AppliedVersion {
  readonly version: ObjectVersion
  readonly created: boolean
}

/** Server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/): makes the object when there is none. */
export async function apply(
  context: RequestContext,
  registry: Registry,
  authorizers: readonly Authorizer[],
): Promise<AppliedVersion> {
  checkWriteOptions(context, 'PatchOptions', true)
  const { info, resource } = context
  const { value, duplicates } = await decodeBody(context.body, decodeOptionsOf(context))
  context.audit?.patched(value)
  const configuration = checkedConfiguration(value, context)
  const { uid, resourceVersion } = configuration.metadata ?? {}
  const applied = onto(context, registry, configuration, duplicates)
  for (let race = 1; ; race++) {
    try {
      const version = await registry.update(context, info.name, {
        dryRun: isDryRun(context),
        subresource: info.subresource,
        preconditions: { uid, resourceVersion },
        applied: true,
        transform: applied,
      })
      return { version, created: false }
    } catch (error) {
      if (!isNotFound(error) || info.subresource !== '' || !resource.verbs.includes('create')) throw error
    }
    if (uid !== undefined) {
      throw conflict(
        resource,
        info.name,
        `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
      )
    }
    await requireAuthorization(authorizers, { ...info, verb: 'create', user: context.user, isResource: true }, resource)
    try {
      const version = await registry.create(context, applied(undefined), { dryRun: isDryRun(context), applied: true })
      return { version, created: true }
    } catch (error) {
      if (!isAlreadyExists(error) || race === RACES_MAX) throw error
    }
  }
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

export function checkedConfiguration(value: unknown, { resource, info }: RequestContext): KubernetesObject {
  if (!isObject(value)) throw badRequest('error decoding YAML: an object was expected')
  const { apiVersion, kind, metadata } = value
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) {
    throw badRequest(`invalid object type: ${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}`)
  }
  if (metadata !== undefined && !isObject(metadata)) throw badRequest('metadata must be an object')
  if (metadata?.['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil')
  const object = value as KubernetesObject
  checkIdentity(object, { info })
  return object
}
