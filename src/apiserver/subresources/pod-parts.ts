import { type Pod, resizedSpec } from '#api'
import type { TransportResponse } from '#client'
import type { RequestContext } from '../context.ts'
import { reply } from '../response.ts'
import { writePart } from '../rest/part.ts'
import type { HandlerDependencies, Subresource } from './types.ts'

/** `pods/ephemeralcontainers`: containers for debugging may be added to a pod that runs. */
export const ephemeralContainers: Subresource = {
  name: 'ephemeralcontainers',
  resources: ['pods'],
  handle: (context, dependencies) =>
    changePart(context, dependencies, (pod, sent) => {
      const { ephemeralContainers: _, ...spec } = pod.spec!
      // One that is left out counts as taken away, which validation refuses.
      const wanted = sent.spec?.ephemeralContainers
      return { ...pod, spec: { ...spec, ...(wanted && { ephemeralContainers: wanted }) } }
    }),
}

/** `pods/resize`: resources may change in place. */
export const resize: Subresource = {
  name: 'resize',
  resources: ['pods'],
  handle: (context, dependencies) =>
    changePart(context, dependencies, (pod, sent) => ({ ...pod, spec: resizedSpec(pod.spec!, sent.spec!) })),
}

async function changePart(
  context: RequestContext,
  { registry, presenter }: HandlerDependencies,
  change: (pod: Pod, sent: Pod) => Pod,
): Promise<TransportResponse> {
  const { info, resource } = context
  if (info.verb === 'get') return reply(200, presenter(context).one(await registry.get(resource, info.namespace, info.name)))
  return reply(200, presenter(context).one(await writePart(context, registry, change)))
}
