import { defaultPodTemplate } from '../core/default-pod.ts'
import { defineResource } from '../define-resource.ts'
import type { CronJob, CronJobSpec } from '../generated/types.ts'
import { defaultFailurePolicy } from './default-job.ts'

export const cronJobs = defineResource<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  scope: 'Namespaced',
  names: { plural: 'cronjobs', shortNames: ['cj'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as CronJobSpec)
    spec.concurrencyPolicy ||= 'Allow'
    spec.suspend ??= false
    spec.successfulJobsHistoryLimit ??= 3
    spec.failedJobsHistoryLimit ??= 1
    defaultPodTemplate(spec.jobTemplate?.spec?.template)
    defaultFailurePolicy(spec.jobTemplate?.spec?.podFailurePolicy)
    draft.status ??= {}
  },
  schema: 'io.k8s.api.batch.v1.CronJob',
})
