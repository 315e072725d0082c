import { badRequest, invalid, isObject, type KubernetesObject, success } from '#meta'
import type { Authorizer } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import { type DecodeOptions, decodeBody, readObject } from '../registry/decode-body.ts'
import { checkWriteOptions } from '../registry/field-management.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import { type CreateOptions, checkPreconditions, type Registry } from '../registry/registry.ts'
import { apply } from './apply.ts'
import { deleteCollection } from './delete-collection.ts'
import { deleteRequest } from './delete-options.ts'
import type { ListResult, ReadDependencies } from './list.ts'
import { applyPatch, checkPatchedType, patchFindings, patchTypeOf, readingOf, readPatch, UNREADABLE_PATCH } from './patch.ts'
import { upsert, type WrittenVersion } from './upsert.ts'
import { checkIdentity, decodeOptionsOf, fromStored, isDryRun, toStored } from './write-options.ts'

export async function create(context: RequestContext, registry: Registry): Promise<ObjectVersion> {
  checkWriteOptions(context, 'CreateOptions', false)
  const object = await bodyObject(context)
  return registry.create(context, toStored(context, object), { dryRun: isDryRun(context), isOwnDraft: true })
}

export async function update(
  context: RequestContext,
  registry: Registry,
  authorizers: readonly Authorizer[],
): Promise<WrittenVersion> {
  const { info, resource } = context
  checkNamed(context)
  checkWriteOptions(context, 'UpdateOptions', false)
  const object = await bodyObject(context, (read) => checkIdentity(read, context))
  checkIdentity(object, context)
  const { uid, resourceVersion, ...metadata } = object.metadata ?? {}
  const dryRun = isDryRun(context)
  const create = async (authorize: CreateOptions['authorize']): Promise<ObjectVersion> => {
    checkPreconditions(resource, { metadata: { name: info.name, namespace: info.namespace } }, { uid })
    return registry.create(context, toStored(context, { ...object, metadata }), { dryRun, authorize })
  }
  return upsert(context, authorizers, {
    update: () =>
      registry.update(context, info.name, {
        transform: () => {
          if (!resourceVersion && !resource.unconditionalUpdate) throw unversioned(context)
          return toStored(context, object)
        },
        dryRun,
        subresource: info.subresource,
        preconditions: { uid, resourceVersion },
      }),
    create: info.subresource === '' && resource.createsOnUpdate ? create : undefined,
  })
}

/** Custom kinds have no routes by method, so that one may well be asked to write to all of them. */
function checkNamed({ info }: RequestContext): void {
  if (info.name === '') throw badRequest('name must be provided')
}

/** Upstream names the resource where the kind belongs, and prints the number that it read. */
function unversioned({ resource, info }: RequestContext): Error {
  const { group, names } = resource
  const message = 'Invalid value: 0: must be specified for an update'
  const field = 'metadata.resourceVersion'
  return invalid({ group, kind: names.plural }, info.name, [{ field, reason: 'FieldValueInvalid', message }])
}

export async function patch(
  context: RequestContext,
  registry: Registry,
  authorizers: readonly Authorizer[],
): Promise<WrittenVersion> {
  const { info, resource } = context
  const type = patchTypeOf(context.headers['content-type'], resource)
  checkNamed(context)
  if (type === 'apply') return apply(context, registry, authorizers)
  checkWriteOptions(context, 'PatchOptions', false)
  const options = { ...decodeOptionsOf(context), unreadable: UNREADABLE_PATCH, read: undefined }
  const { value, duplicates = [], refusal } = await readPatch(context.body, options)
  if (refusal === undefined) context.audit?.patched(value)
  const findings = options.fieldValidation === 'Ignore' ? [] : patchFindings(type, value, duplicates)
  let first = true
  const requested = isObject(value) && isObject(value['metadata']) ? value['metadata']['resourceVersion'] : undefined
  const version = await registry.update(context, info.name, {
    dryRun: isDryRun(context),
    subresource: info.subresource,
    preconditions: { resourceVersion: typeof requested === 'string' ? requested : undefined },
    transform: (current) => {
      if (refusal !== undefined) throw refusal
      const shown = fromStored(context, current)
      const patched = applyPatch(type, shown, value, resource)
      checkPatchedType(patched, context)
      // A retry repeats the same findings; they are told once.
      const once = { ...options, ...readingOf(type, value, patched, resource), warnings: first ? context.warnings : [] }
      const object = readObject({ value: patched, duplicates: first ? findings : [] }, resource, once)
      first = false
      checkIdentity(object, context)
      return toStored(context, object)
    },
  })
  return { version, created: false }
}

/** `code` is that of an answer which shows the object: 202 for those who asked in the old words that what it owns goes with it, while it stays. */
export async function remove(
  context: RequestContext,
  registry: Registry,
): Promise<{ readonly version: ObjectVersion; readonly gone: boolean; readonly code: 200 | 202 }> {
  const request = await deleteRequest(context)
  const { version, gone } = await registry.delete(context, context.info.name, request)
  return { version, gone, code: !gone && request.isAccepted ? 202 : 200 }
}

export async function removeCollection(
  context: RequestContext,
  registry: Registry,
  dependencies: ReadDependencies,
): Promise<ListResult> {
  return deleteCollection(context, registry, dependencies, await deleteRequest(context))
}

/** What a delete that finished answers: the Status names what is gone. */
export function deletedStatus(context: RequestContext, version: ObjectVersion): object {
  const { resource } = context
  const { name = '', uid = '' } = version.object.metadata ?? {}
  return success({ name, ...(resource.group !== '' && { group: resource.group }), kind: resource.names.plural, uid })
}

async function bodyObject(context: RequestContext, identify?: DecodeOptions['identify']): Promise<KubernetesObject> {
  const options = { ...decodeOptionsOf(context), identify }
  return readObject(await decodeBody(context.body, options), context.resource, { ...options, isTaken: true })
}
