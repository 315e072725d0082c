import { podSpecWarnings } from '../core/pod-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { Job } from '../generated/types.ts'
import { defaultJob, generateSelector } from './default-job.ts'
import { jobColumns } from './job-columns.ts'
import { validateJob, validateJobUpdate } from './validate-job.ts'

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
  prepareForCreate: generateSelector,
  columns: jobColumns,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  warnings: ({ spec }) => podSpecWarnings(spec?.template?.spec, 'spec.template.spec'),
  schema: 'io.k8s.api.batch.v1.Job',
})
