import { defineResource } from '../define-resource.ts'
import type { Pod } from '../generated/types.ts'

export const pods = defineResource<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  scope: 'Namespaced',
  names: { plural: 'pods', shortNames: ['po'], categories: ['all'] },
  subresources: {
    status: true,
    others: {
      attach: { kind: 'PodAttachOptions', verbs: ['create', 'get'], connect: ['get', 'post'] },
      binding: { kind: 'Binding', verbs: ['create'] },
      ephemeralcontainers: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
      eviction: { kind: 'Eviction', group: 'policy', verbs: ['create'] },
      exec: { kind: 'PodExecOptions', verbs: ['create', 'get'], connect: ['get', 'post'] },
      log: { kind: 'Pod', verbs: ['get'] },
      portforward: { kind: 'PodPortForwardOptions', verbs: ['create', 'get'], connect: ['get', 'post'] },
      proxy: {
        kind: 'PodProxyOptions',
        verbs: ['create', 'get', 'patch', 'update'],
        connect: ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'],
        pathSuffix: true,
      },
      resize: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    },
  },
  generation: true,
  schema: 'io.k8s.api.core.v1.Pod',
})
