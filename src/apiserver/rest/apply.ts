import { apiVersionOf, badRequest, conflict, isObject, type KubernetesObject, StatusError } from '#meta'
import type { Authorizer } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import {
  type DecodedBody,
  type DecodeOptions,
  decodeBody,
  readBody,
  readObject,
  strictDuplicates,
} from '../registry/decode-body.ts'
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
  const { value, duplicates } = await readConfiguration(context)
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
    const object = applied(undefined)
    // Of what is not there no version can be meant.
    delete object.metadata?.resourceVersion
    return registry.create(context, object, { dryRun, authorize, applied: true })
  }
  return upsert(context, authorizers, {
    update: () =>
      registry.update(context, info.name, {
        dryRun,
        subresource: info.subresource,
        preconditions: { resourceVersion },
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
      const object = readObject({ value: merged, duplicates: [] }, resource, first ? options : { ...options, warnings: [] })
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

/** No body is a configuration that says nothing. */
async function readConfiguration(context: RequestContext): Promise<DecodedBody> {
  const body = await readBody(context.body)
  if (body === undefined) return { value: null, duplicates: [] }
  try {
    return await decodeBody(body, decodeOptionsOf(context))
  } catch (error) {
    if (error instanceof StatusError && error.code === 400)
      throw badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`)
    throw error
  }
}

/**
 * The document as a configuration of the request's kind, whose metadata its type judges later. Whom it names is asked of what it makes of the live object. Throws 400 for another kind and for managers of its own.
 */
export function checkedConfiguration(value: unknown, { resource }: RequestContext): KubernetesObject {
  const configuration = value ?? {}
  if (!isObject(configuration)) {
    const type = Array.isArray(configuration) ? 'array' : typeof configuration === 'boolean' ? 'bool' : typeof configuration
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    )
  }
  const { apiVersion, kind, metadata } = configuration
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind)
    throw badRequest(`invalid object type: ${typeOf(apiVersion, kind)}`)
  if (isObject(metadata) && Array.isArray(metadata['managedFields'])) throw badRequest('metadata.managedFields must be nil')
  return configuration as KubernetesObject
}

/** `apps/v1, Kind=Deployment`, and `/v1, Kind=Pod`. */
function typeOf(apiVersion: unknown, kind: unknown): string {
  const parts = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion.split('/') : []
  const version = parts.length === 1 ? `/${parts[0]}` : parts.length === 2 ? parts.join('/') : '/'
  return `${version}, Kind=${parts.length > 2 || typeof kind !== 'string' ? '' : kind}`
}
