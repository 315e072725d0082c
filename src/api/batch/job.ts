import { dropDisabled } from '../core/disabled-pod-fields.ts'
import { defineResource } from '../define-resource.ts'
import type { Job } from '../generated/types.ts'
import { defaultJob, generateSelector } from './default-job.ts'
import { jobColumns } from './job-columns.ts'
import { jobWarnings } from './job-warnings.ts'
import { validateJob, validateJobUpdate } from './validate-job.ts'
import { validateJobStatus } from './validate-job-status.ts'

export const jobs = defineResource<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  scope: 'Namespaced',
  names: { plural: 'jobs', categories: ['all'] },
  subresources: { status: true },
  generation: true,
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  defaultPropagation: 'Orphan',
  default: defaultJob,
  prepareForCreate(draft) {
    generateSelector(draft)
    dropDisabled(draft.spec?.template?.spec)
  },
  prepareForUpdate: ({ spec }, { spec: old }) => dropDisabled(spec?.template?.spec, old?.template?.spec),
  columns: jobColumns,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  ratchets: true,
  validateStatusUpdate: validateJobStatus,
  warnings: jobWarnings,
  schema: 'io.k8s.api.batch.v1.Job',
})
