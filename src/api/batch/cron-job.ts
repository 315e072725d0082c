import { age, ageOf, formatSelector, integer, NONE, name, templateColumns, text, wide } from '../columns.ts'
import { defaultPodTemplate } from '../core/default-pod.ts'
import { droppingDisabled } from '../core/disabled-pod-fields.ts'
import { defineResource } from '../define-resource.ts'
import type { CronJob, CronJobSpec, JobSpec } from '../generated/types.ts'
import { defaultFailurePolicy } from './default-job.ts'
import { cronJobWarnings } from './job-warnings.ts'
import { validateCronJob, validateCronJobUpdate } from './validate-cron-job.ts'

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
    const job = ((spec.jobTemplate ??= {}).spec ??= {} as JobSpec)
    defaultPodTemplate((job.template ??= {}))
    defaultFailurePolicy(job.podFailurePolicy)
    draft.status ??= {}
  },
  columns: [
    name,
    text('Schedule', ({ spec }) => spec?.schedule, 'batch.v1.CronJobSpec#schedule'),
    text('Timezone', ({ spec }) => spec?.timeZone ?? NONE, 'batch.v1.CronJobSpec#timeZone'),
    {
      ...text<CronJob>(
        'Suspend',
        ({ spec }) => (spec?.suspend === undefined ? '<unset>' : spec.suspend ? 'True' : 'False'),
        'batch.v1.CronJobSpec#suspend',
      ),
      type: 'boolean',
    },
    integer('Active', ({ status }) => status?.active?.length ?? 0, 'batch.v1.CronJobStatus#active'),
    text(
      'Last Schedule',
      ({ status }, nowMs) => (status?.lastScheduleTime ? ageOf(status.lastScheduleTime, nowMs) : NONE),
      'batch.v1.CronJobStatus#lastScheduleTime',
    ),
    age,
    ...templateColumns<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.template),
    wide('Selector', ({ spec }) => formatSelector(spec?.jobTemplate?.spec?.selector), 'batch.v1.JobSpec#selector'),
  ],
  validate: validateCronJob,
  validateUpdate: validateCronJobUpdate,
  ratchets: true,
  warnings: cronJobWarnings,
  ...droppingDisabled<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.template?.spec),
  schema: 'io.k8s.api.batch.v1.CronJob',
})
