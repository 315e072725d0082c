import type { TypeName } from '#api'
import { deepClone } from '#base'
import { apiVersionOf, badRequest, type KubernetesObject } from '#meta'
import type { RequestContext } from '../context.ts'
import type { DecodeOptions, FieldValidation } from '../registry/decode-body.ts'
import { dryRunOf } from '../registry/field-management.ts'

export const isDryRun = ({ query }: RequestContext): boolean => dryRunOf(query).length > 0

export function fieldValidationOf({ query }: RequestContext): FieldValidation {
  const value = query.get('fieldValidation')
  return value === 'Strict' || value === 'Ignore' ? value : 'Warn'
}

/** How the body of a write is to be read; by default as an object of the resource. */
export const decodeOptionsOf = (context: RequestContext, type = typeOf(context)): DecodeOptions => ({
  type,
  contentType: context.headers['content-type'],
  fieldValidation: fieldValidationOf(context),
  warnings: context.warnings,
  isPatch: context.info.verb === 'patch',
  read: context.audit && ((object) => recordRequest(context, object)),
})

const typeOf = ({ resource }: RequestContext): TypeName => ({ apiVersion: apiVersionOf(resource), kind: resource.kind })

/** For the audit event: a body is shown completed, as upstream reads it. */
function recordRequest({ audit, resource }: RequestContext, object: KubernetesObject): void {
  const isWhole = audit?.wantsRequests && object.kind === resource.kind
  const shown = isWhole ? deepClone(object) : object
  if (isWhole) resource.default(shown)
  audit?.requested(shown)
}

/** What the body says of its name must be what the path says; only its namespace may be left to the path. */
export function checkIdentity(object: KubernetesObject, { info }: Pick<RequestContext, 'info'>): void {
  const { name, namespace } = object.metadata ?? {}
  if (info.namespace !== '' && namespace && namespace !== info.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  if (!name) throw badRequest(`the name of the object (${info.name} based on URL) was undeterminable: name must be provided`)
  if (name !== info.name) throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`)
}

export const toStored = ({ resource }: RequestContext, object: KubernetesObject): KubernetesObject =>
  resource.storage?.toStored(object) ?? object

export const fromStored = ({ resource }: RequestContext, object: KubernetesObject): KubernetesObject =>
  resource.storage?.fromStored(object) ?? object
