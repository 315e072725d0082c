import { age, formatSelector, humanDuration, name, templateColumns, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { Job } from '../generated/types.ts'

export const jobColumns: readonly Column<Job>[] = [
  name,
  text('Status', statusOf, 'Status of the job.'),
  text('Completions', completionsOf, 'batch.v1.JobStatus#succeeded'),
  text(
    'Duration',
    ({ status }, nowMs) => {
      if (status?.startTime === undefined) return ''
      const end = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime)
      return humanDuration(end - Date.parse(status.startTime))
    },
    'Time required to complete the job.',
  ),
  age,
  ...templateColumns<Job>(({ spec }) => spec?.template),
  wide('Selector', ({ spec }) => formatSelector(spec?.selector), 'batch.v1.JobSpec#selector'),
]

function statusOf({ metadata, status }: Job): string {
  const has = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false
  if (has('Complete')) return 'Complete'
  if (has('Failed')) return 'Failed'
  if (metadata?.deletionTimestamp !== undefined) return 'Terminating'
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running'
}

function completionsOf({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0
  if (spec?.completions !== undefined) return `${done}/${spec.completions}`
  // Without a number to reach, one success ends the work of all.
  return (spec?.parallelism ?? 0) > 1 ? `${done}/1 of ${spec?.parallelism}` : `${done}/1`
}
