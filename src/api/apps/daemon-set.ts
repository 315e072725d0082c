import { defineResource } from '../define-resource.ts'
import type { DaemonSet } from '../generated/types.ts'

export const daemonSets = defineResource<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  scope: 'Namespaced',
  names: { plural: 'daemonsets', shortNames: ['ds'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.apps.v1.DaemonSet',
})
