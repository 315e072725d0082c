import { schemaOf } from '#api'
import { badRequest, failure, isObject, type KubernetesObject, success } from '#meta'
import type { Store } from '#store'
import type { RequestContext } from '../context.ts'
import { decodeBody, type FieldValidation, readAs, readBody, readObject } from '../registry/decode-body.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import { checkPropagationPolicy, type DeleteRequest, type Registry } from '../registry/registry.ts'
import { list } from './list.ts'
import { applyPatch, patchTypeOf } from './patch.ts'

const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'

export async function create(context: RequestContext, registry: Registry): Promise<ObjectVersion> {
  const object = await bodyObject(context)
  const { name } = context.info
  if (name !== '' && object.metadata?.name !== name) object.metadata = { ...object.metadata, name }
  return registry.create(context, toStored(context, object), isDryRun(context))
}

export async function update(context: RequestContext, registry: Registry): Promise<ObjectVersion> {
  const { info } = context
  const object = await bodyObject(context)
  checkIdentity(object, context)
  const { uid, resourceVersion } = object.metadata ?? {}
  return registry.update(context, info.name, {
    transform: () => toStored(context, object),
    dryRun: isDryRun(context),
    subresource: info.subresource,
    preconditions: { uid, resourceVersion },
  })
}

export async function patch(context: RequestContext, registry: Registry): Promise<ObjectVersion> {
  const { info, resource } = context
  const type = patchTypeOf(context.headers['content-type'])
  const validation = fieldValidationOf(context)
  const options = { contentType: context.headers['content-type'], fieldValidation: validation, warnings: context.warnings }
  const { value, duplicates } = await decodeBody(context.body, options)
  let first = true
  const requested = isObject(value) && isObject(value['metadata']) ? value['metadata']['resourceVersion'] : undefined
  return registry.update(context, info.name, {
    dryRun: isDryRun(context),
    subresource: info.subresource,
    preconditions: { resourceVersion: typeof requested === 'string' ? requested : undefined },
    transform: (current) => {
      const shown = fromStored(context, current)
      const patched = applyPatch(type, shown, value, resource)
      // A retry repeats the same findings; they are told once.
      const once = { ...options, warnings: first ? context.warnings : [] }
      const object = readObject(patched, first ? duplicates : [], resource, once)
      first = false
      checkIdentity(object, context)
      return toStored(context, object)
    },
  })
}

export async function remove(context: RequestContext, registry: Registry): Promise<{ version: ObjectVersion; gone: boolean }> {
  return registry.delete(context, context.info.name, await deleteRequest(context))
}

export async function removeCollection(context: RequestContext, registry: Registry, store: Store): Promise<ObjectVersion[]> {
  const request = await deleteRequest(context)
  const { versions } = await list(context, { cache: registry.cache, store })
  const deleted: ObjectVersion[] = []
  for (const { object } of versions) {
    const { name = '', namespace = '' } = object.metadata ?? {}
    const one: RequestContext = { ...context, info: { ...context.info, name, namespace } }
    try {
      deleted.push((await registry.delete(one, name, request)).version)
    } catch (error) {
      // Somebody else deleted it first; that was the aim.
      if ((error as { reason?: string }).reason !== 'NotFound') throw error
    }
  }
  return deleted
}

/** What a delete that finished answers: the Status names what is gone. */
export function deletedStatus(context: RequestContext, version: ObjectVersion): object {
  const { resource } = context
  const { name = '', uid = '' } = version.object.metadata ?? {}
  return success({ name, ...(resource.group !== '' && { group: resource.group }), kind: resource.names.plural, uid })
}

export function isDryRun({ query }: RequestContext): boolean {
  const values = query.getAll('dryRun').filter((value) => value !== '')
  if (values.some((value) => value !== 'All')) {
    throw failure(
      422,
      'Invalid',
      `Invalid value: ${JSON.stringify(values)}: Unsupported value: "${values[0]}": supported values: "All"`,
    )
  }
  return values.length > 0
}

export function fieldValidationOf({ query }: RequestContext): FieldValidation {
  const value = query.get('fieldValidation') ?? ''
  if (value === '') return 'Warn'
  if (value === 'Strict' || value === 'Warn' || value === 'Ignore') return value
  throw badRequest(`fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`)
}

async function bodyObject(context: RequestContext): Promise<KubernetesObject> {
  const options = {
    contentType: context.headers['content-type'],
    fieldValidation: fieldValidationOf(context),
    warnings: context.warnings,
  }
  const { value, duplicates } = await decodeBody(context.body, options)
  return readObject(value, duplicates, context.resource, options)
}

async function deleteRequest(context: RequestContext): Promise<DeleteRequest> {
  const body = await readBody(context.body)
  const { query } = context
  let options: Record<string, unknown> = {}
  if (body !== undefined && !(body.kind === 'bytes' && body.bytes.length === 0)) {
    const decode = { contentType: context.headers['content-type'], fieldValidation: 'Ignore' as const, warnings: [] }
    const { value } = await decodeBody(body, decode)
    options = readAs(value, [], schemaOf(DELETE_OPTIONS), { kind: 'DeleteOptions', version: 'v1' }, decode) as Record<
      string,
      unknown
    >
  }
  const grace = query.get('gracePeriodSeconds')
  const orphan =
    options['orphanDependents'] ?? (query.has('orphanDependents') ? query.get('orphanDependents') === 'true' : undefined)
  const policy = (options['propagationPolicy'] ??
    query.get('propagationPolicy') ??
    (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background')) as string | undefined
  checkPropagationPolicy(policy)
  const dryRun = Array.isArray(options['dryRun']) && options['dryRun'].includes('All')
  return {
    gracePeriodSeconds: (options['gracePeriodSeconds'] as number | undefined) ?? (grace ? Number(grace) : undefined),
    propagationPolicy: policy,
    preconditions: options['preconditions'] as DeleteRequest['preconditions'],
    dryRun: dryRun || isDryRun(context),
  }
}

function checkIdentity(object: KubernetesObject, { info }: RequestContext): void {
  const { name, namespace } = object.metadata ?? {}
  if (!name) object.metadata = { ...object.metadata, name: info.name }
  else if (name !== info.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`)
  if (info.namespace !== '' && namespace && namespace !== info.namespace) {
    throw badRequest(`the namespace of the object (${namespace}) does not match the namespace on the URL (${info.namespace})`)
  }
}

export const toStored = ({ resource }: RequestContext, object: KubernetesObject): KubernetesObject =>
  resource.storage?.toStored(object) ?? object

export const fromStored = ({ resource }: RequestContext, object: KubernetesObject): KubernetesObject =>
  resource.storage?.fromStored(object) ?? object
