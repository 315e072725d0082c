import { badRequest, failure, type KubernetesObject } from '#meta'
import type { RequestContext } from '../context.ts'
import type { DecodeOptions, FieldValidation } from '../registry/decode-body.ts'

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

/** How the body of a write is to be read. */
export const decodeOptionsOf = (context: RequestContext): DecodeOptions => ({
  contentType: context.headers['content-type'],
  fieldValidation: fieldValidationOf(context),
  warnings: context.warnings,
})

/** What the body says of its name must be what the path says; a body may leave it to the path. */
export function checkIdentity(object: KubernetesObject, { info }: Pick<RequestContext, 'info'>): void {
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
