import { pods } from '#api'
import { definePlugin, podKey } from '../framework/index.ts'

/** Binds through the pod's `binding` subresource; the API server sets `spec.nodeName` once and for all. */
export const defaultBinder = definePlugin({
  name: 'DefaultBinder',
  async bind(pod, nodeName, { client, signal }) {
    const { namespace, name, uid } = pod.metadata ?? {}
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { ...(namespace && { namespace }), ...(name && { name }), ...(uid && { uid }) },
      target: { kind: 'Node', name: nodeName },
    }
    await client.createSubresource(pods, podKey(pod), 'binding', binding, { signal })
    return true
  },
})
