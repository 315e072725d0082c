import { podNameWarnings, templateWarnings } from '../core/pod-warnings.ts'
import type { CronJob, Job, JobSpec } from '../generated/types.ts'
import { dnsLabel } from '../validation/names.ts'

const COMPLETIONS_SOFT_LIMIT = 100_000
const PARALLELISM_SOFT_LIMIT = 10_000

export function jobWarnings(job: Job, old: Job | undefined, warnings: string[]): void {
  podNameWarnings(job, old, warnings)
  jobSpecWarnings(job.spec, 'spec', job, old, warnings)
}

export function cronJobWarnings(cronJob: CronJob, old: CronJob | undefined, warnings: string[]): void {
  const problems = [...dnsLabel(cronJob.metadata?.name ?? '')]
  if (old === undefined && problems.length > 0) {
    warnings.push(
      `metadata.name: this is used in Job names, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
    )
  }
  jobSpecWarnings(cronJob.spec?.jobTemplate?.spec, 'spec.jobTemplate.spec', cronJob, old, warnings)
  if (old !== undefined && cronJob.spec?.schedule?.includes('TZ')) {
    const page = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/'
    warnings.push(`CRON_TZ or TZ used in spec.schedule is not officially supported, see ${page} for more details`)
  }
}

function jobSpecWarnings(
  spec: JobSpec | undefined,
  field: string,
  object: Job | CronJob,
  old: Job | CronJob | undefined,
  warnings: string[],
): void {
  const isOld = old !== undefined && old.metadata?.generation === object.metadata?.generation
  const { completions = 0, parallelism = 0 } = spec ?? {}
  if (
    !isOld &&
    spec?.completionMode === 'Indexed' &&
    completions > COMPLETIONS_SOFT_LIMIT &&
    parallelism > PARALLELISM_SOFT_LIMIT
  )
    warnings.push(
      `${field}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    )
  templateWarnings(spec?.template, `${field}.template`, object, old, warnings)
}
