import type { KubernetesObject } from '#meta'
import type { MutatingWebhook } from '../generated/types.ts'

/** Of admissionregistration.k8s.io/v1beta1: what a webhook leaves open is decided otherwise in v1. */
const DEFAULTS: Partial<MutatingWebhook> = {
  failurePolicy: 'Ignore',
  matchPolicy: 'Exact',
  sideEffects: 'Unknown',
  timeoutSeconds: 30,
  admissionReviewVersions: ['v1beta1'],
}

export function webhooks(object: KubernetesObject): KubernetesObject {
  const { webhooks: all } = object as { readonly webhooks?: readonly MutatingWebhook[] | null }
  return { ...object, ...(all && { webhooks: all.map((webhook) => ({ ...DEFAULTS, ...webhook })) }) } as KubernetesObject
}
