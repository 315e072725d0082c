import { type Binding, bindings as bindingResource, pods, type ResourceDefinition } from '#api'
import { decodeBody, readObject } from '../registry/decode-body.ts'
import { decodeOptionsOf } from '../rest/write-options.ts'
import { bind } from '../subresources/binding.ts'
import type { VirtualResource } from './types.ts'

/** The older way to say `pods/NAME/binding`. */
export const bindings: VirtualResource = {
  resource: bindingResource as unknown as ResourceDefinition,
  async handle(context, dependencies) {
    const options = decodeOptionsOf(context)
    const binding = readObject(await decodeBody(context.body, options), context.resource, options) as Binding
    const info = { ...context.info, resource: 'pods', name: binding.metadata?.name ?? '', subresource: 'binding' }
    return bind(
      { ...context, info, resource: pods as unknown as ResourceDefinition, body: { kind: 'object', object: binding } },
      dependencies,
    )
  },
}
