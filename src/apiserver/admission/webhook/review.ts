import type { ResourceDefinition, UserInfo as ReviewedUser } from '#api'
import { parseJson } from '#base'
import { type GroupVersionKind, isObject, type KubernetesObject, type Status } from '#meta'
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

/** What a webhook answered, checked. */
export interface Verdict {
  readonly allowed: boolean
  readonly status: Partial<Status> | undefined
  /** A decoded JSON patch. */
  readonly patch: unknown
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

/** Believes nothing: throws a {@link CallError} that says, in upstream's words, what is wrong with an answer. */
export function verdictOf(answer: unknown, { apiVersion, request }: AdmissionReview, mutating: boolean): Verdict {
  if (!isObject(answer)) throw new CallError('webhook response was no object')
  const isV1 = apiVersion === 'admission.k8s.io/v1'
  // Servers of v1beta1 may leave out what they answer.
  const sameKind = answer['kind'] === 'AdmissionReview' && answer['apiVersion'] === apiVersion
  if (!sameKind && (isV1 || answer['kind'] !== undefined || answer['apiVersion'] !== undefined)) {
    const got = `${String(answer['apiVersion'] ?? '')}, Kind=${String(answer['kind'] ?? '')}`
    throw new CallError(`expected webhook response of ${apiVersion}, Kind=AdmissionReview, got ${got}`)
  }
  const response = answer['response']
  if (!isObject(response)) throw new CallError('webhook response was absent')
  if (isV1 && response['uid'] !== request.uid)
    throw new CallError(`expected response.uid=${JSON.stringify(request.uid)}, got ${JSON.stringify(response['uid'] ?? '')}`)
  const { allowed, status, warnings, auditAnnotations } = response
  if (allowed !== undefined && typeof allowed !== 'boolean') throw new CallError('response.allowed is no boolean')
  return {
    allowed: allowed ?? false,
    status: isObject(status) ? (status as Partial<Status>) : undefined,
    patch: patchOf(response, mutating, isV1),
    warnings: Array.isArray(warnings) ? warnings.filter((each) => typeof each === 'string') : [],
    auditAnnotations: isObject(auditAnnotations)
      ? Object.fromEntries(
          Object.entries(auditAnnotations).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        )
      : {},
  }
}

function patchOf({ patch, patchType }: Record<string, unknown>, mutating: boolean, isV1: boolean): unknown {
  const given = typeof patch === 'string' && patch !== ''
  if (!mutating) {
    if (isV1 && given) throw new CallError('validating webhook may not return response.patch')
    if (isV1 && patchType) throw new CallError('validating webhook may not return response.patchType')
    return undefined
  }
  if (isV1 && given && !patchType) throw new CallError('webhook returned response.patch but not response.patchType')
  if (isV1 && !given && patchType) throw new CallError('webhook returned response.patchType but not response.patch')
  if (!given) return undefined
  if (patchType !== undefined && patchType !== 'JSONPatch')
    throw new CallError(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`)
  try {
    return parseJson(Buffer.from(patch, 'base64').toString())
  } catch (error) {
    throw new CallError(`response.patch is no JSON in base64: ${(error as Error).message}`, { cause: error })
  }
}
