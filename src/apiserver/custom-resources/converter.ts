import { type Convert, type CustomResourceDefinition, type Findings, goTypeOf, validateMaps } from '#api'
import type { Random } from '#base'
import { apiVersionOf, isObject, type KubernetesObject, type ObjectMeta, parseApiVersion, StatusError } from '#meta'
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
    if (version === undefined) throw unexplained('no supported conversion review versions', undefined)
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
      throw refused(objects[0]!, error)
    }
  }
}

function refused({ apiVersion = '', kind }: KubernetesObject, error: unknown): Error {
  const what = `conversion webhook for ${apiVersionOf(parseApiVersion(apiVersion))}, Kind=${kind}`
  const { message } = error as Error
  if (error instanceof Unreadable) return unexplained(message, error)
  return unexplained(`${what} ${message.startsWith('returned ') ? '' : 'failed: '}${message}`, error)
}

/** Upstream says no reason of what it did not expect. */
function unexplained(message: string, cause: unknown): Error {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 } as const
  return new StatusError(status, { cause })
}

/** What is no object at all, of which upstream does not say who sent it. */
class Unreadable extends Error {}

/** Where upstream's decoder of webhooks' answers keeps what it knows. */
const SCHEME = 'in scheme "k8s.io/apiserver/pkg/util/webhook/client.go:71"'

interface Review {
  readonly apiVersion: string
  readonly request: { readonly uid: string; readonly objects: readonly unknown[] }
}

/** The objects of a review's answer; throws what is wrong with it. */
function convertedOf(answer: unknown, review: Review): unknown[] {
  const { apiVersion = '', kind = '', response } = (isObject(answer) ? answer : {}) as KubernetesObject & { response?: unknown }
  const isFirst = review.apiVersion.endsWith('/v1')
  checkKind({ apiVersion, kind }, review, isFirst)
  if (!isObject(response)) throw new Error('no response provided')
  const { uid, result, convertedObjects } = response
  // What the beta version did not ask for is not asked of its webhooks.
  if (isFirst && uid !== review.request.uid)
    throw new Error(`expected response.uid=${JSON.stringify(review.request.uid)}, got ${JSON.stringify(uid ?? '')}`)
  const { status, message } = (isObject(result) ? result : {}) as { status?: unknown; message?: unknown }
  if (status !== 'Success')
    throw new Error(
      typeof message === 'string' && message !== ''
        ? message
        : `response.result.status was '${String(status ?? '')}', not 'Success'`,
    )
  const objects = Array.isArray(convertedObjects) ? (convertedObjects as unknown[]) : []
  if (objects.length !== review.request.objects.length)
    throw new Error(`returned ${objects.length} objects, expected ${review.request.objects.length}`)
  return objects
}

function checkKind({ apiVersion = '', kind = '' }: KubernetesObject, review: Review, isFirst: boolean): void {
  if (apiVersion === review.apiVersion && kind === 'ConversionReview') return
  if (apiVersion === '' || kind === '') {
    if (!isFirst) return
    const { group, version } = parseApiVersion(apiVersion)
    throw new Error(
      `expected webhook response of ${review.apiVersion}, Kind=ConversionReview, got ${group}/${version}, Kind=${kind}`,
    )
  }
  const [is, was] = [apiVersion, review.apiVersion].map((each) => each.split('/').at(-1))
  if (kind === 'ConversionReview' && REVIEW_VERSIONS.includes(is!) && apiVersion.startsWith('apiextensions.k8s.io/'))
    throw new Error(`converting (${is}.ConversionReview) to (${was}.ConversionReview): unknown conversion`)
  throw new Error(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} ${SCHEME}`)
}

/** A webhook changes content, labels and annotations; who the object is stays as it was. Upstream asks for each object by itself, so none is told by its number. */
function checked(originals: readonly KubernetesObject[], converted: readonly unknown[], apiVersion: string): KubernetesObject[] {
  return converted.map((value, index) => {
    const original = originals[index]!
    const object = readable(value)
    const problem = typeProblem(original, object, apiVersion)
    if (problem !== undefined) throw new Error(`returned invalid object at index 0: ${problem}`)
    for (const [field, name] of IDENTITY) {
      const [was, is] = [original.metadata?.[field] ?? '', textOf(object.metadata, field)]
      if (was !== is) throw new Error(`returned invalid object: must have the same ${name}: ${was} != ${is}`)
    }
    const wrong = metadataProblem(object.metadata!)
    if (wrong !== undefined) throw new Error(`returned invalid metadata: ${wrong}`)
    const { labels: _l, annotations: _a, ...metadata } = original.metadata ?? {}
    const { labels, annotations } = object.metadata!
    return { ...object, metadata: { ...metadata, ...(labels && { labels }), ...(annotations && { annotations }) } }
  })
}

const IDENTITY = [
  ['name', 'name'],
  ['namespace', 'namespace'],
  ['uid', 'UID'],
] as const satisfies readonly (readonly [keyof ObjectMeta, string])[]

function textOf(metadata: unknown, field: string): string {
  const value = isObject(metadata) ? metadata[field] : undefined
  return typeof value === 'string' ? value : ''
}

function readable(value: unknown): KubernetesObject {
  if (value === null || value === undefined) throw new Unreadable('unexpected end of JSON input')
  if (!isObject(value)) {
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    throw new Unreadable(`json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`)
  }
  const object = value as KubernetesObject
  if (!object.kind) throw new Unreadable(`Object 'Kind' is missing in '${JSON.stringify(value)}'`)
  return object
}

function typeProblem(
  original: KubernetesObject,
  { apiVersion: is = '', kind }: KubernetesObject,
  apiVersion: string,
): string | undefined {
  if (is !== apiVersion) return `invalid groupVersion (expected ${apiVersion}, received ${is})`
  return kind === original.kind ? undefined : `invalid kind (expected ${original.kind}, received ${kind})`
}

function metadataProblem(metadata: ObjectMeta): string | undefined {
  for (const field of ['labels', 'annotations'] as const) {
    const map: unknown = metadata[field]
    if (map === undefined || map === null) continue
    if (!isObject(map)) return `metadata.${field} is not a map in converted object`
    for (const [key, value] of Object.entries(map))
      if (typeof value !== 'string')
        return `metadata.${field}[${key}] must be a string, but is ${goTypeOf(value)} in converted object`
  }
  const found: Findings = []
  validateMaps(metadata, 'metadata', found)
  const texts = [...new Set(found.map(({ field, message }) => `${field}: ${message}`))]
  return texts.length > 1 ? `[${texts.join(', ')}]` : texts[0]
}
