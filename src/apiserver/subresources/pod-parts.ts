import type { Pod } from '#api'
import type { TransportResponse } from '#client'
import type { RequestContext } from '../context.ts'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { reply } from '../response.ts'
import { applyPatch, patchTypeOf } from '../rest/patch.ts'
import { fieldValidationOf, isDryRun } from '../rest/write.ts'
import type { HandlerDependencies, Subresource } from './types.ts'

/** `pods/ephemeralcontainers`: containers for debugging may be added to a pod that runs. */
export const ephemeralContainers: Subresource = {
  name: 'ephemeralcontainers',
  resources: ['pods'],
  handle: (context, dependencies) =>
    changePart(context, dependencies, (pod, sent) => ({
      ...pod,
      spec: { ...pod.spec!, ...(sent.spec?.ephemeralContainers && { ephemeralContainers: sent.spec.ephemeralContainers }) },
    })),
}

/** `pods/resize`: resources of containers may change in place. */
export const resize: Subresource = {
  name: 'resize',
  resources: ['pods'],
  handle: (context, dependencies) =>
    changePart(context, dependencies, (pod, sent) => {
      const wanted = new Map(sent.spec?.containers.map((container) => [container.name, container]))
      const containers = pod.spec!.containers.map((container) => {
        const change = wanted.get(container.name)
        return change === undefined
          ? container
          : {
              ...container,
              ...(change.resources && { resources: change.resources }),
              ...(change.resizePolicy && { resizePolicy: change.resizePolicy }),
            }
      })
      return { ...pod, spec: { ...pod.spec!, containers } }
    }),
}

async function changePart(
  context: RequestContext,
  { registry, presenter }: HandlerDependencies,
  change: (pod: Pod, sent: Pod) => Pod,
): Promise<TransportResponse> {
  const { info, resource } = context
  if (info.verb === 'get') return reply(200, presenter(context).one(await registry.get(resource, info.namespace, info.name)))
  const options = {
    contentType: context.headers['content-type'],
    fieldValidation: fieldValidationOf(context),
    warnings: context.warnings,
  }
  const type = info.verb === 'patch' ? patchTypeOf(options.contentType) : undefined
  const { value, duplicates } = await decodeBody(context.body, options)
  const version = await registry.update(context, info.name, {
    dryRun: isDryRun(context),
    subresource: info.subresource,
    transform: (current) => {
      const document = type === undefined ? value : applyPatch(type, current, value, resource)
      return change(current as Pod, readObject(document, duplicates, resource, options) as Pod)
    },
  })
  return reply(200, presenter(context).one(version))
}
