import { type Namespace, namespaces, pods } from '#api'
import { forbidden } from '#meta'
import { draftOf } from './attributes.ts'
import type { AdmissionContext, AdmissionPlugin } from './types.ts'

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector'

type Labels = Record<string, string>

/** Pods of a namespace go to the nodes that the namespace's annotation selects. */
export const podNodeSelector: AdmissionPlugin = {
  name: 'PodNodeSelector',
  off: true,
  operations: ['CREATE'],
  async mutate(attributes, context) {
    const pod = draftOf(attributes, pods)
    if (pod?.spec === undefined) return
    const wanted = await selectorOf(attributes.namespace, context)
    for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
      if (wanted[key] !== undefined && wanted[key] !== value)
        throw forbidden(pods, attributes.name, 'pod node label selector conflicts with its namespace node label selector')
    }
    if (Object.keys(wanted).length > 0) pod.spec.nodeSelector = { ...wanted, ...pod.spec.nodeSelector }
  },
}

async function selectorOf(namespace: string, { cache }: AdmissionContext): Promise<Labels> {
  await cache.current()
  const text = (cache.of(namespaces).get(namespace)?.object as Namespace | undefined)?.metadata?.annotations?.[ANNOTATION]
  const pairs = (text ?? '').split(',').filter((pair) => pair.trim() !== '')
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}
