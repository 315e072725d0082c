import { ingressClasses, ingresses, persistentVolumeClaims, type ResourceDefinition, storageClasses } from '#api'
import type { KubernetesObject } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionContext, AdmissionPlugin } from './types.ts'

const STORAGE_MARKS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']
const STORAGE_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const INGRESS_MARKS = ['ingressclass.kubernetes.io/is-default-class']
const INGRESS_ANNOTATION = 'kubernetes.io/ingress.class'

/** A claim that names no class gets the default one; one that names the empty class gets none. */
export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  operations: ['CREATE'],
  async mutate(attributes, context) {
    const claim = draftOf(attributes, persistentVolumeClaims)
    if (claim === undefined || claim.spec?.storageClassName !== undefined) return
    if (claim.metadata?.annotations?.[STORAGE_ANNOTATION] !== undefined) return
    const name = await defaultOf(storageClasses, STORAGE_MARKS, context)
    if (name !== undefined) claim.spec = { ...claim.spec, storageClassName: name }
  },
}

/** An ingress that names no class gets the default one. */
export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  operations: ['CREATE'],
  async mutate(attributes, context) {
    const ingress = draftOf(attributes, ingresses)
    if (ingress === undefined || ingress.spec?.ingressClassName !== undefined) return
    if (ingress.metadata?.annotations?.[INGRESS_ANNOTATION] !== undefined) return
    const name = await defaultOf(ingressClasses, INGRESS_MARKS, context)
    if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name }
  },
}

/** Of several that are marked, the newest; of equally old ones the first by name. */
async function defaultOf(
  resource: Pick<ResourceDefinition, 'names'>,
  marks: readonly string[],
  { cache }: AdmissionContext,
): Promise<string | undefined> {
  await cache.current()
  const marked = [...cache.of(resource as ResourceDefinition).objects()].filter(({ metadata }) =>
    marks.some((mark) => metadata?.annotations?.[mark] === 'true'),
  )
  return marked.sort(byAge)[0]?.metadata?.name
}

function byAge({ metadata: a }: KubernetesObject, { metadata: b }: KubernetesObject): number {
  const [left, right] = [a?.creationTimestamp ?? '', b?.creationTimestamp ?? '']
  if (left !== right) return left > right ? -1 : 1
  return (a?.name ?? '') < (b?.name ?? '') ? -1 : 1
}
