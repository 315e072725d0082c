import { goQuote } from '#base'
import type { GroupVersionKind, ListMeta } from './types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Status {
  apiVersion: 'v1'
  kind: 'Status'
  metadata: ListMeta
  status: 'Success' | 'Failure'
  message?: string
  reason?: StatusReason
  details?: StatusDetails
  code: number
}

export interface StatusDetails {
  name?: string
  group?: string
  kind?: string
  uid?: string
  causes?: StatusCause[]
  retryAfterSeconds?: number
}

export interface StatusCause {
  reason?: string
  message?: string
  field?: string
}

export type StatusReason =
  | ''
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'StoreReadError'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable'

/** Any refusal that reaches a client: carries the whole `Status` object. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly status: Status

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'unknown', options)
    this.status = status
  }

  get code(): number {
    return this.status.code
  }

  get reason(): StatusReason {
    return this.status.reason ?? ''
  }
}

/** Names a resource the way upstream's messages do: `pods` or `deployments.apps`. */
export interface ResourceName {
  readonly group: string
  readonly names: { readonly plural: string }
}

export function failure(
  code: number,
  reason: StatusReason,
  message: string,
  details?: StatusDetails,
  cause?: unknown,
): StatusError {
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason !== '' && { reason }),
    code,
  }
  if (details !== undefined) status.details = details
  return new StatusError(status, { cause })
}

/** Carries no code of its own: only the answer that something was made has one. */
export function success(details?: StatusDetails): Omit<Status, 'code'> {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', ...(details && { details }) }
}

/** `deployments.apps`; the core group adds nothing. */
export function qualifiedResource(resource: ResourceName): string {
  return resource.group === '' ? resource.names.plural : `${resource.names.plural}.${resource.group}`
}

const detailsOf = (resource: ResourceName, name: string): StatusDetails => ({
  ...(name !== '' && { name }),
  ...(resource.group !== '' && { group: resource.group }),
  kind: resource.names.plural,
})

export const notFound = (resource: ResourceName, name: string): StatusError =>
  failure(404, 'NotFound', `${qualifiedResource(resource)} ${goQuote(name)} not found`, detailsOf(resource, name))

/** `isLeaving`: what has the name is being deleted. */
export const alreadyExists = (resource: ResourceName, name: string, isLeaving = false): StatusError =>
  failure(
    409,
    'AlreadyExists',
    `${isLeaving ? 'object is being deleted: ' : ''}${qualifiedResource(resource)} ${goQuote(name)} already exists`,
    detailsOf(resource, name),
  )

/** The server found no free name of those it tried. */
export const generateNameConflict = (resource: ResourceName, name: string): StatusError =>
  failure(
    409,
    'AlreadyExists',
    `${qualifiedResource(resource)} ${goQuote(name)} already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(resource, name), retryAfterSeconds: 1 },
  )

export const conflict = (resource: ResourceName, name: string, why: string): StatusError =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} ${goQuote(name)}: ${why}`,
    detailsOf(resource, name),
  )

/** The reason of the conflict every optimistic writer meets. */
export const OBJECT_MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again'

export const forbidden = (resource: ResourceName, name: string, why: string): StatusError =>
  failure(
    403,
    'Forbidden',
    name === ''
      ? `${qualifiedResource(resource)} is forbidden: ${why}`
      : `${qualifiedResource(resource)} ${goQuote(name)} is forbidden: ${why}`,
    detailsOf(resource, name),
  )

export const badRequest = (message: string, cause?: unknown): StatusError => failure(400, 'BadRequest', message, undefined, cause)

export const unauthorized = (): StatusError => failure(401, 'Unauthorized', 'Unauthorized')

export const gone = (message: string): StatusError => failure(410, 'Expired', message)

export const internalError = (error: unknown): StatusError => {
  const message = error instanceof Error ? error.message : String(error)
  return failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }, error)
}

export const tooManyRequests = (message: string, retryAfterSeconds: number): StatusError =>
  failure(429, 'TooManyRequests', message, { retryAfterSeconds })

export const methodNotAllowed = (resource: ResourceName, action: string): StatusError =>
  failure(
    405,
    'MethodNotAllowed',
    `${action} is not supported on resources of kind "${qualifiedResource(resource)}"`,
    detailsOf(resource, ''),
  )

/** One finding of validation. `message` is the full upstream wording after the path, e.g. `Required value: must be set`. */
export interface FieldError {
  readonly field: string
  readonly reason: FieldErrorReason
  readonly message: string
}

export type FieldErrorReason =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError'

/** 422 with one cause per finding, in the order found. */
export function invalid(
  kind: Pick<GroupVersionKind, 'group' | 'kind'>,
  name: string,
  errors: readonly FieldError[],
): StatusError {
  // What is found twice is said once, and is a cause twice.
  const findings = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))]
  const all = findings.length === 1 ? findings[0] : `[${findings.join(', ')}]`
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  return failure(422, 'Invalid', `${qualified} ${goQuote(name)} is invalid: ${all}`, {
    ...(name !== '' && { name }),
    ...(kind.group !== '' && { group: kind.group }),
    ...(kind.kind !== '' && { kind: kind.kind }),
    causes: errors.map(({ field, reason, message }) => ({ reason, message, field })),
  })
}

/** The Status a client should see for any thrown value. */
export function statusOf(error: unknown): Status {
  return error instanceof StatusError ? error.status : internalError(error).status
}

const hasReason = (error: unknown, ...reasons: StatusReason[]): boolean =>
  error instanceof StatusError && reasons.includes(error.reason)

export const isNotFound = (error: unknown): boolean => hasReason(error, 'NotFound')
/** There is no such kind at the server, as opposed to no such object. */
export const isNotServed = (error: unknown): boolean =>
  isNotFound(error) && (error as StatusError).status.details?.name === undefined
export const isAlreadyExists = (error: unknown): boolean => hasReason(error, 'AlreadyExists')
export const isConflict = (error: unknown): boolean => hasReason(error, 'Conflict')
export const isInvalid = (error: unknown): boolean => hasReason(error, 'Invalid')
export const isForbidden = (error: unknown): boolean => hasReason(error, 'Forbidden')
export const isUnauthorized = (error: unknown): boolean => hasReason(error, 'Unauthorized')
export const isGone = (error: unknown): boolean => hasReason(error, 'Expired', 'Gone')
export const isTooManyRequests = (error: unknown): boolean => hasReason(error, 'TooManyRequests')
