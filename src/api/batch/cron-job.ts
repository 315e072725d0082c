import { defineResource } from '../define-resource.ts'
import type { CronJob } from '../generated/types.ts'

export const cronJobs = defineResource<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  scope: 'Namespaced',
  names: { plural: 'cronjobs', shortNames: ['cj'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.batch.v1.CronJob',
})
