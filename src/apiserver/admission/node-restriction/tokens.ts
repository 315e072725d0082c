import { type Pod, pods, type TokenRequest } from '#api'
import type { Restriction } from './index.ts'

/** A kubelet gets tokens only for pods that are bound to it, and only for audiences that the pod asks for. */
export const restrictToken: Restriction = function* (node, { subresource, operation, object, namespace }, { cache }) {
  if (subresource !== 'token' || operation !== 'CREATE') return
  const { spec } = object as TokenRequest
  const bound = spec?.boundObjectRef
  if (bound?.apiVersion !== 'v1' || bound.kind !== 'Pod' || !bound.name) {
    yield 'node requested token not bound to a pod'
    return
  }
  if (!bound.uid) yield 'node requested token with a pod binding without a uid'
  const pod = cache.of(pods).get(`${namespace}/${bound.name}`)?.object as Pod | undefined
  if (pod === undefined) {
    yield `pods ${JSON.stringify(bound.name)} not found`
    return
  }
  if (bound.uid !== pod.metadata?.uid)
    yield `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`
  if (pod.spec?.nodeName !== node) yield 'node requested token bound to a pod scheduled on a different node'
  const asked = new Set(
    (pod.spec?.volumes ?? []).flatMap(({ projected }) =>
      (projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
        serviceAccountToken === undefined ? [] : [serviceAccountToken.audience ?? ''],
      ),
    ),
  )
  for (const audience of spec?.audiences?.length ? spec.audiences : [''])
    if (audience !== '' && !asked.has(audience)) yield `audience ${JSON.stringify(audience)} not found in pod spec volume`
}
