import { defineResource } from '../define-resource.ts'
import type { Job } from '../generated/types.ts'

export const jobs = defineResource<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  scope: 'Namespaced',
  names: { plural: 'jobs', categories: ['all'] },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.batch.v1.Job',
})
