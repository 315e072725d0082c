import type { ResourceDefinition, UserInfo as ReviewedUser } from '#api'
import {
  conform,
  type GroupVersionKind,
  goQuote,
  isObject,
  type KubernetesObject,
  parseApiVersion,
  type Schema,
  type Status,
} from '#meta'
import type { Attributes } from '../types.ts'
import { CallError } from './hook.ts'

export interface GroupVersionResourceName {
  readonly group: string
  readonly version: string
  readonly resource: string
}

/** What a webhook is asked (https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/). */
export interface AdmissionRequest {
  readonly uid: string
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResourceName
  readonly subResource?: string
  readonly requestKind: GroupVersionKind
  readonly requestResource: GroupVersionResourceName
  readonly requestSubResource?: string
  readonly name?: string
  readonly namespace?: string
  readonly operation: Attributes['operation']
  readonly userInfo: ReviewedUser
  readonly object: KubernetesObject | null
  readonly oldObject: KubernetesObject | null
  readonly dryRun: boolean
  readonly options: Readonly<Record<string, unknown>> | null
}

export interface AdmissionReview {
  readonly kind: 'AdmissionReview'
  readonly apiVersion: string
  readonly request: AdmissionRequest
}

export interface WebhookPatch {
  readonly type: string
  readonly text: string
}

/** What a webhook answered, checked. */
export interface Verdict {
  readonly allowed: boolean
  readonly status: Partial<Status> | undefined
  readonly patch: WebhookPatch | undefined
  readonly warnings: readonly string[]
  readonly auditAnnotations: Readonly<Record<string, string>>
}

export function reviewOf(
  attributes: Attributes,
  matched: ResourceDefinition,
  shown: { readonly object: KubernetesObject | undefined; readonly oldObject: KubernetesObject | undefined },
  uid: string,
  version: string,
): AdmissionReview {
  const { kind, resource, subresource, name, namespace, operation, user, dryRun, options } = attributes
  // The body of a subresource is of its own kind, under whatever version the resource goes.
  const isOwnKind = kind.kind === resource.kind && kind.group === resource.group
  const { group, version: matchedVersion } = matched
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      kind: isOwnKind ? { group, version: matchedVersion, kind: matched.kind } : kind,
      resource: resourceName(matched),
      ...(subresource !== '' && { subResource: subresource }),
      requestKind: kind,
      requestResource: resourceName(resource),
      ...(subresource !== '' && { requestSubResource: subresource }),
      ...(name !== '' && { name }),
      ...(namespace !== '' && { namespace }),
      operation,
      userInfo: {
        username: user.username,
        ...(user.uid !== undefined && { uid: user.uid }),
        ...(user.groups.length > 0 && { groups: [...user.groups] }),
        ...(user.extra !== undefined && { extra: user.extra as Record<string, string[]> }),
      },
      object: shown.object ?? null,
      oldObject: shown.oldObject ?? null,
      dryRun,
      options: Object.keys(options).length > 0 ? options : null,
    },
  }
}

export const resourceName = ({ group, version, names }: ResourceDefinition): GroupVersionResourceName => ({
  group,
  version,
  resource: names.plural,
})

interface AdmissionResponse {
  readonly uid?: string
  readonly allowed?: boolean
  readonly status?: Partial<Status>
  /** In base64. */
  readonly patch?: string
  readonly patchType?: string
  readonly auditAnnotations?: Readonly<Record<string, string>>
  readonly warnings?: readonly string[]
}

/** A webhook's answer as far as it could be read. */
export interface AnsweredReview {
  readonly apiVersion?: string
  readonly kind?: string
  readonly response?: AdmissionResponse | null
}

const V1 = 'admission.k8s.io/v1'
const KNOWN = new Set([V1, 'admission.k8s.io/v1beta1'].map((version) => `${version} AdmissionReview`).concat('v1 Status'))

/** Reads an answer as the review that was asked. Throws a {@link CallError} in the words of upstream's decoder. */
export function readReview(answer: unknown, { apiVersion: expected }: AdmissionReview): AnsweredReview {
  const document = isObject(answer) ? answer : {}
  const apiVersion = String(document['apiVersion'] || expected)
  const kind = String(document['kind'] || 'AdmissionReview')
  if (apiVersion !== expected || kind !== 'AdmissionReview') {
    const versionOf = (text: string): string => parseApiVersion(text).version
    if (KNOWN.has(`${apiVersion} ${kind}`))
      throw new CallError(
        `converting (${versionOf(apiVersion)}.${kind}) to (${versionOf(expected)}.AdmissionReview): unknown conversion`,
      )
    throw new CallError(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "k8s.io/apiserver/pkg/util/webhook/client.go:71"`,
    )
  }
  return conform(document, REVIEW).value as AnsweredReview
}

/** Believes nothing: throws a {@link CallError} that says, in upstream's words, what is wrong with an answer. */
export function verdictOf(
  { apiVersion = '', kind = '', response }: AnsweredReview,
  { apiVersion: expected, request }: AdmissionReview,
  mutating: boolean,
): Verdict {
  if (!response) throw new CallError('webhook response was absent')
  if (expected === V1) {
    const { uid = '' } = response
    if (uid !== request.uid) throw new CallError(`expected response.uid=${JSON.stringify(request.uid)}, got ${goQuote(uid)}`)
    if (apiVersion !== expected || kind !== 'AdmissionReview') {
      const { group, version } = parseApiVersion(apiVersion)
      throw new CallError(`expected webhook response of ${V1}, Kind=AdmissionReview, got ${group}/${version}, Kind=${kind}`)
    }
  }
  const { allowed = false, status, warnings = [], auditAnnotations = {} } = response
  return { allowed, status, patch: patchOf(response, mutating, expected === V1), warnings, auditAnnotations }
}

function patchOf({ patch = '', patchType }: AdmissionResponse, mutating: boolean, isV1: boolean): WebhookPatch | undefined {
  const isTyped = patchType !== undefined && patchType !== null
  if (!mutating) {
    if (isV1 && patch !== '') throw new CallError('validating webhook may not return response.patch')
    if (isV1 && isTyped) throw new CallError('validating webhook may not return response.patchType')
    return undefined
  }
  if (isV1 && patch !== '' && !isTyped) throw new CallError('webhook returned response.patch but not response.patchType')
  if (isV1 && patch === '' && isTyped) throw new CallError('webhook returned response.patchType but not response.patch')
  if (isV1 && patchType === '') throw new CallError('webhook returned invalid response.patchType of ""')
  return patch === '' ? undefined : { type: isV1 ? patchType! : 'JSONPatch', text: Buffer.from(patch, 'base64').toString() }
}

const text: Schema = { type: 'string' }
const integer: Schema = { type: 'integer', format: 'int32' }
const object = (name: string, properties: Readonly<Record<string, Schema>>): Schema => ({ name, type: 'object', properties })

/** What is read of an answer, with the names of upstream's types. */
const REVIEW = object('io.k8s.api.admission.v1.AdmissionReview', {
  apiVersion: text,
  kind: text,
  response: object('io.k8s.api.admission.v1.AdmissionResponse', {
    uid: text,
    allowed: { type: 'boolean' },
    status: object('io.k8s.apimachinery.pkg.apis.meta.v1.Status', {
      apiVersion: text,
      kind: text,
      metadata: { type: 'object', preserveUnknownFields: true },
      status: text,
      message: text,
      reason: text,
      code: integer,
      details: object('io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails', {
        name: text,
        group: text,
        kind: text,
        uid: text,
        retryAfterSeconds: integer,
        causes: {
          type: 'array',
          items: object('io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause', { reason: text, message: text, field: text }),
        },
      }),
    }),
    patch: { type: 'string', format: 'byte' },
    patchType: text,
    auditAnnotations: { type: 'object', additionalProperties: text },
    warnings: { type: 'array', items: text },
  }),
})
