import { defineResource } from '../define-resource.ts'
import type { Node } from '../generated/types.ts'

export const nodes = defineResource<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  scope: 'Cluster',
  names: { plural: 'nodes', shortNames: ['no'] },
  subresources: {
    status: true,
    others: {
      proxy: {
        kind: 'NodeProxyOptions',
        verbs: ['create', 'get', 'patch', 'update'],
        connect: ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'],
        pathSuffix: true,
      },
    },
  },
  schema: 'io.k8s.api.core.v1.Node',
})
