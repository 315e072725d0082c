import { resolve } from 'node:path'
import { type Pod, pods } from '#api'
import { httpTransport } from '#client'
import { forbidden, isObject, parseYaml } from '#meta'
import { ExpiringCache } from '../expiring-cache.ts'
import { ANSWER_BYTES_MAX, type Review, ReviewWebhook, webhookConnection } from '../review-webhook.ts'
import type { AdmissionPlugin, Attributes } from './types.ts'

interface Settings {
  readonly kubeConfigFile: string
  readonly allowMs: number
  readonly denyMs: number
  readonly retryMs: number
  readonly defaultAllow: boolean
}

interface ImageReviewStatus {
  readonly allowed: boolean
  readonly reason: string
  readonly auditAnnotations: Readonly<Record<string, string>>
}

const ANSWERS_MAX = 1024
const TIMEOUT_MS = 30_000
const AUDIT = 'imagepolicywebhook.image-policy.k8s.io/'
const FOR_WEBHOOK = '.image-policy.k8s.io/'
const SUBRESOURCES = ['', 'ephemeralcontainers']

/** Asks a server whether the images of a pod may run (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#imagepolicywebhook). */
export const imagePolicyWebhook: AdmissionPlugin = {
  name: 'ImagePolicyWebhook',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  async configured(bytes, { clock, random, log, stack }) {
    const settings = await parseSettings(bytes)
    const connection = await webhookConnection(resolve(settings.kubeConfigFile))
    const transport = httpTransport({ ...connection, userAgent: 'kube-apiserver', answerBytesMax: ANSWER_BYTES_MAX })
    const options = { name: 'image policy webhook', transport, timeoutMs: TIMEOUT_MS, pauseMs: settings.retryMs }
    const webhook = stack.use(new ReviewWebhook(options, { clock, random }))
    const answers = new ExpiringCache<ImageReviewStatus>(ANSWERS_MAX, clock)
    return {
      ...imagePolicyWebhook,
      async validate(attributes) {
        const spec = specOf(attributes)
        if (spec === undefined) return
        const question = JSON.stringify(spec)
        let status = answers.get(question)
        if (status === undefined) {
          try {
            status = statusOf(await webhook.ask(reviewOf(spec)))
          } catch (error) {
            log.warn('The image policy webhook could not be asked', { error: (error as Error).message })
            if (!settings.defaultAllow) throw forbidden(pods, attributes.name, (error as Error).message)
            attributes.annotations.set(`${AUDIT}failed-open`, 'true')
            return
          }
          answers.set(question, status, status.allowed ? settings.allowMs : settings.denyMs)
        }
        for (const [key, value] of Object.entries(status.auditAnnotations)) attributes.annotations.set(AUDIT + key, value)
        if (status.allowed) return
        const why =
          status.reason === ''
            ? 'one or more images rejected by webhook backend'
            : `image policy webhook backend denied one or more images: ${status.reason}`
        throw forbidden(pods, attributes.name, why)
      },
    }
  },
}

/** What is asked about a pod; undefined when nothing is. */
function specOf({ resource, subresource, namespace, object }: Attributes): object | undefined {
  if (resource !== (pods as unknown) || !SUBRESOURCES.includes(subresource)) return undefined
  const { metadata, spec } = object as Pod
  const containers =
    subresource === '' ? [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])] : (spec?.ephemeralContainers ?? [])
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.includes(FOR_WEBHOOK))
  return {
    containers: containers.map(({ image }) => ({ image })),
    ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }),
    namespace,
  }
}

const reviewOf = (spec: object): Review => ({
  kind: 'ImageReview',
  apiVersion: 'imagepolicy.k8s.io/v1alpha1',
  metadata: {},
  spec,
  status: { allowed: false },
})

function statusOf({ allowed, reason, auditAnnotations }: Readonly<Record<string, unknown>>): ImageReviewStatus {
  const annotations = isObject(auditAnnotations) ? Object.entries(auditAnnotations) : []
  return {
    allowed: allowed === true,
    reason: typeof reason === 'string' ? reason : '',
    auditAnnotations: Object.fromEntries(annotations.map(([key, value]) => [key, String(value)])),
  }
}

/** The file has no kind; times are numbers, 0 what is usual and -1 none. */
async function parseSettings(bytes: Uint8Array | undefined): Promise<Settings> {
  if (bytes === undefined) throw new Error('no config specified')
  const document = await parseYaml(Buffer.from(bytes).toString())
  const said = isObject(document) ? document['imagePolicy'] : undefined
  if (!isObject(said) || typeof said['kubeConfigFile'] !== 'string' || said['kubeConfigFile'] === '')
    throw new Error('imagePolicy.kubeConfigFile is missing: the kubeconfig of the webhook')
  const time = (name: string, unitMs: number, usualMs: number, maxMs: number): number => {
    const value = said[name] ?? 0
    if (value === 0) return usualMs
    if (value === -1) return 0
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value * unitMs > maxMs)
      throw new Error(
        `imagePolicy.${name} takes a whole number of ${unitMs === 1 ? 'milliseconds' : 'seconds'} up to ${maxMs / unitMs}, not ${JSON.stringify(value)}`,
      )
    return value * unitMs
  }
  return {
    kubeConfigFile: said['kubeConfigFile'],
    retryMs: time('retryBackoff', 1, 500, 300_000),
    allowMs: time('allowTTL', 1000, 300_000, 1_800_000),
    denyMs: time('denyTTL', 1000, 30_000, 1_800_000),
    defaultAllow: said['defaultAllow'] === true,
  }
}
