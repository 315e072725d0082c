import type { Convert, CustomResourceDefinition } from '#api'
import type { Random } from '#base'
import { apiVersionOf, failure, isObject, type KubernetesObject, type ObjectMeta, parseApiVersion } from '#meta'
import type { WebhookCaller } from '../webhook-caller.ts'

/** Upstream's time for a conversion webhook. */
const TIMEOUT_MS = 30_000
const REVIEW_VERSIONS = ['v1', 'v1beta1']

export interface ConverterDependencies {
  readonly webhooks: WebhookCaller
  readonly random: Random
}

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/ */
export function converterOf({ spec }: CustomResourceDefinition, dependencies: ConverterDependencies): Convert {
  const { conversion } = spec
  const config = conversion?.strategy === 'Webhook' ? conversion.webhook : undefined
  // Without a webhook the versions differ in nothing but their name.
  if (config?.clientConfig === undefined) return (objects, apiVersion) => objects.map((object) => ({ ...object, apiVersion }))
  const { clientConfig, conversionReviewVersions } = config
  const version = conversionReviewVersions.find((each) => REVIEW_VERSIONS.includes(each))
  return async (objects, apiVersion) => {
    if (version === undefined) throw refused(objects[0]!, 'does not recognize any of the supported conversion review versions')
    const uid = dependencies.random.uuid()
    const review = {
      apiVersion: `apiextensions.k8s.io/${version}`,
      kind: 'ConversionReview',
      request: { uid, desiredAPIVersion: apiVersion, objects },
    }
    try {
      const answer = await dependencies.webhooks.post(clientConfig, review, { timeoutMs: TIMEOUT_MS })
      return checked(objects, convertedOf(answer, review), apiVersion)
    } catch (error) {
      throw refused(objects[0]!, (error as Error).message, error)
    }
  }
}

function refused({ apiVersion = '', kind }: KubernetesObject, detail: string, cause?: unknown): Error {
  const what = `conversion webhook for ${apiVersionOf(parseApiVersion(apiVersion))}, Kind=${kind}`
  const said = detail.startsWith('returned ') ? detail : `failed: ${detail}`
  return failure(500, '', `${what} ${said}`, undefined, cause)
}

/** The objects of a review's answer; throws what is wrong with it. */
function convertedOf(
  answer: unknown,
  review: { apiVersion: string; request: { uid: string; objects: readonly unknown[] } },
): unknown[] {
  if (!isObject(answer) || answer['apiVersion'] !== review.apiVersion || answer['kind'] !== 'ConversionReview') {
    const { apiVersion = '', kind = '' } = (isObject(answer) ? answer : {}) as KubernetesObject
    throw new Error(
      `invalid response: expected webhook response of ${review.apiVersion}, Kind=ConversionReview, got ${apiVersion}, Kind=${kind}`,
    )
  }
  const { response } = answer
  if (!isObject(response)) throw new Error('no response provided')
  const { uid, result, convertedObjects = [] } = response
  if (uid !== review.request.uid)
    throw new Error(`expected response.uid=${JSON.stringify(review.request.uid)}, got ${JSON.stringify(uid ?? '')}`)
  const { status, message } = (isObject(result) ? result : {}) as { status?: unknown; message?: unknown }
  if (status !== 'Success')
    throw new Error(
      typeof message === 'string' && message !== ''
        ? message
        : `response.result.status was '${String(status ?? '')}', expected 'Success'`,
    )
  if (!Array.isArray(convertedObjects)) throw new Error('response.convertedObjects is no list')
  if (convertedObjects.length !== review.request.objects.length) {
    throw new Error(`returned ${convertedObjects.length} objects, expected ${review.request.objects.length}`)
  }
  return convertedObjects as unknown[]
}

/** A webhook changes content, labels and annotations; who the object is stays as it was. */
function checked(originals: readonly KubernetesObject[], converted: readonly unknown[], apiVersion: string): KubernetesObject[] {
  return converted.map((value, index) => {
    const original = originals[index]!
    const problem = problemOf(original, value, apiVersion)
    if (problem !== undefined) throw new Error(`returned invalid converted object at index ${index}: ${problem}`)
    const object = value as KubernetesObject
    const { labels: _l, annotations: _a, ...metadata } = original.metadata ?? {}
    const { labels, annotations } = object.metadata ?? {}
    return { ...object, metadata: { ...metadata, ...(labels && { labels }), ...(annotations && { annotations }) } }
  })
}

function problemOf(original: KubernetesObject, value: unknown, apiVersion: string): string | undefined {
  if (!isObject(value)) return 'invalid type'
  const object = value as KubernetesObject
  if (object.kind !== original.kind) return `invalid kind (expected ${original.kind}, received ${object.kind ?? ''})`
  if (object.apiVersion !== apiVersion)
    return `invalid groupVersion (expected ${apiVersion}, received ${object.apiVersion ?? ''})`
  for (const field of ['name', 'namespace', 'uid'] as const satisfies readonly (keyof ObjectMeta)[]) {
    const [was, is] = [original.metadata?.[field] ?? '', object.metadata?.[field] ?? '']
    if (was !== is) return `must have the same ${field}: ${was} != ${is}`
  }
  return undefined
}
