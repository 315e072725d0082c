import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf, made } from '#testing'
import { type CronJob, cronJobs, type Job, type JobStatus, jobs } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const containers = [{ name: 'c', image: 'i' }]
const template = { spec: { containers, restartPolicy: 'Never' } }
const job = (spec: object, metadata: object = {}): object => ({
  metadata: { name: 'x', namespace: 'default', uid: 'u', ...metadata },
  spec: { template, ...spec },
})
const cron = (spec: object): object => ({ spec: { schedule: '* * * * *', jobTemplate: { spec: { template } }, ...spec } })
const labelled = (labels: object): object => ({ template: { ...template, metadata: { labels } } })
const UID = 'batch.kubernetes.io/controller-uid'

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  [
    'labels of another Job',
    jobs,
    job(labelled({ [UID]: 'other', 'job-name': 'y' })),
    [
      `spec.template.metadata.labels[job-name]: Invalid value: {"${UID}":"other","job-name":"y","controller-uid":"u","batch.kubernetes.io/job-name":"x"}: must be 'x'`,
      `spec.template.metadata.labels[${UID}]: Invalid value: {"${UID}":"other","job-name":"y","controller-uid":"u","batch.kubernetes.io/job-name":"x"}: must be 'u'`,
      `spec.template.metadata.labels: Invalid value: {"${UID}":"other","job-name":"y","controller-uid":"u","batch.kubernetes.io/job-name":"x"}: \`selector\` does not match template \`labels\``,
    ],
  ],
  [
    'a selector that the server would not have made',
    jobs,
    job({ selector: { matchLabels: { [UID]: 'u', mine: 'yes' } }, ...labelled({ mine: 'yes' }) }),
    [`spec.selector: Invalid value: {"matchLabels":{"${UID}":"u","mine":"yes"}}: \`selector\` not auto-generated`],
  ],
  [
    'a selector by hand that nothing follows',
    jobs,
    job({ manualSelector: true }),
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
    ],
  ],
  ['nobody manages it', jobs, job({ managedBy: '' }), ['spec.managedBy: Required value']],
  [
    'another mode',
    jobs,
    job({ completionMode: 'Sorted', backoffLimitPerIndex: 1 }),
    ['spec.completionMode: Unsupported value: "Sorted": supported values: "NonIndexed", "Indexed"'],
  ],
  [
    'more failures than indexes',
    jobs,
    job({ completionMode: 'Indexed', completions: 2, parallelism: 100_001, backoffLimitPerIndex: 1, maxFailedIndexes: 3 }),
    [
      'spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
      'spec.maxFailedIndexes: Invalid value: 3: must be less than or equal to completions',
    ],
  ],
  [
    'a name that is too long with an index',
    jobs,
    job({ completionMode: 'Indexed', completions: 11 }, { name: 'n'.repeat(61) }),
    [
      `metadata.name: Invalid value: "${'n'.repeat(61)}": will not able to create pod with invalid DNS label: ${'n'.repeat(61)}-10`,
    ],
  ],
  [
    'a schedule with its zone in it',
    cronJobs,
    cron({ schedule: 'TZ=UTC * * * * *' }),
    ['spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead'],
  ],
  [
    'a place that is no zone',
    cronJobs,
    cron({ timeZone: '../etc/passwd' }),
    ['spec.timeZone: Invalid value: "../etc/passwd": unknown time zone ../etc/passwd'],
  ],
  [
    'in upstream order',
    cronJobs,
    {
      metadata: { name: 'n'.repeat(53), namespace: 'default' },
      spec: {
        schedule: '* * * * *',
        timeZone: 'Local',
        startingDeadlineSeconds: -1,
        concurrencyPolicy: 'Maybe',
        successfulJobsHistoryLimit: -1,
        jobTemplate: { spec: { template, selector: { matchLabels: { a: 'b' } }, manualSelector: true } },
      },
    },
    [
      'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
      'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
      'spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
      `metadata.name: Invalid value: "${'n'.repeat(53)}": must be no more than 52 characters`,
    ],
  ],
]

for (const [name, resource, object, expected] of cases)
  test(`jobs: ${name}`, () => assert.deepEqual(findingsOf(resource as never, object), expected))

test('what a Job is made of stays; a suspended one may be placed, and given other amounts', () => {
  const change = (old: object, draw: (draft: Job) => void): string[] =>
    changeFindings(jobs, job(old), draw).map((finding) => finding.replace(/Invalid value: .*: /, ''))
  const grow = (draft: Job): void => {
    draft.spec!.template.spec!.containers[0]!.resources = { limits: { cpu: '2' } }
  }
  const move = (draft: Job): void => {
    draft.spec!.template.spec!.nodeSelector = { disk: 'ssd' }
  }
  assert.deepEqual(change({}, move), ['spec.template: field is immutable'])
  assert.deepEqual(change({ suspend: true }, move), [])
  assert.deepEqual(change({}, grow), ['spec.template: field is immutable'])
  assert.deepEqual(change({ suspend: true }, grow), [])
  const rename = (draft: Job): void => {
    draft.spec!.template.spec!.containers[0]!.image = 'other'
  }
  assert.deepEqual(change({ suspend: true }, rename), ['spec.template.spec: field is immutable'])
  const afterStart = (status: Job['status']): string[] => {
    const before = made(jobs, job({ suspend: true }))
    before.status = { startTime: T(1), ...status }
    const after = structuredClone(before)
    grow(after)
    return foundBy((found) => jobs.validateUpdate(after, before, found, { nowMs: 0 })).map(({ field }) => field)
  }
  const conditions = [{ type: 'Suspended', status: 'True' }]
  assert.deepEqual(afterStart({}), ['spec.template'])
  assert.deepEqual(afterStart({ conditions }), [])
  assert.deepEqual(afterStart({ conditions, active: 1 }), ['spec.template'])
  assert.deepEqual(
    change({}, ({ spec }) => Object.assign(spec!, { completions: 2, completionMode: 'Indexed', managedBy: 'a.b/c' })),
    [
      'spec.completions: can only be modified in tandem with spec.parallelism',
      'spec.completionMode: field is immutable',
      'spec.managedBy: field is immutable',
    ],
  )
})

test('a CronJob keeps what it had before there was a rule', () => {
  const zoned = cron({ schedule: 'TZ=UTC * * * * *', timeZone: 'Mars/Base' })
  assert.deepEqual(
    changeFindings(cronJobs, zoned, (draft: CronJob) => {
      draft.spec!.suspend = true
    }),
    ['spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule'],
  )
})

const T = (second: number): string => `2026-01-01T00:00:0${second}Z`
const condition = (type: string): object => ({ type, status: 'True' })
const status = (fields: object, ...conditions: string[]): object => ({ ...fields, conditions: conditions.map(condition) })
const C = 'status.conditions: Invalid value'

const statuses: readonly (readonly [name: string, spec: object, old: object, now: object, expected: readonly string[]])[] = [
  [
    'an end without its announcement',
    {},
    {},
    status({}, 'Complete'),
    [
      'status.completionTime: Required value: completionTime is required for Complete jobs',
      `${C}: cannot set Complete=True condition without the SuccessCriteriaMet=true condition`,
      'status.startTime: Required value: startTime is required for finished job',
    ],
  ],
  [
    'both ends',
    {},
    {},
    status({ startTime: T(1), completionTime: T(0) }, 'Complete', 'SuccessCriteriaMet', 'Failed', 'FailureTarget'),
    [
      `${C}: cannot set Complete=True and Failed=true conditions`,
      `${C}: cannot set Complete=True and FailureTarget=true conditions`,
      `status.completionTime: Invalid value: "${T(0)}": must be equal to or after \`startTime\``,
      `${C}: cannot set SuccessCriteriaMet=True and Failed=true conditions`,
      `${C}: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions`,
    ],
  ],
  [
    'an end with pods',
    {},
    { startTime: T(0) },
    status(
      { startTime: T(0), active: 1, ready: 2, terminating: 1, uncountedTerminatedPods: { succeeded: ['a', 'a'], failed: [''] } },
      'Failed',
    ),
    [
      'status.uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"',
      'status.uncountedTerminatedPods.failed[0]: Invalid value: "": must not be empty',
      `${C}: cannot set Failed=True condition without the FailureTarget=true condition`,
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
      'status.uncountedTerminatedPods: Invalid value: {"succeeded":["a","a"],"failed":[""]}: must be empty for finished job',
      'status.terminating: Invalid value: 1: terminating>0 is invalid for finished job',
      'status.ready: Invalid value: 2: cannot set more ready pods than active',
    ],
  ],
  [
    'indexes of a Job without',
    { completions: 3 },
    {},
    { completedIndexes: '0,3', failedIndexes: '1' },
    [
      'status.completedIndexes: Invalid value: "0,3": error parsing completedIndexes: too large index: "3"',
      'status.completedIndexes: Invalid value: "0,3": cannot set non-empty completedIndexes when non-indexed completion mode',
      'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    ],
  ],
  [
    'an index that did both',
    { completions: 9, completionMode: 'Indexed', backoffLimitPerIndex: 1 },
    {},
    { completedIndexes: '0-3,7', failedIndexes: '5,7-8' },
    ['status.failedIndexes: Invalid value: "5,7-8": failedIndexes and completedIndexes overlap at index: 7'],
  ],
  [
    'counts that shrink, and an end that is taken back',
    {},
    status({ startTime: T(0), completionTime: T(1), failed: 2, succeeded: 2 }, 'Complete', 'SuccessCriteriaMet'),
    { startTime: T(2), completionTime: T(2), failed: 1, succeeded: 1 },
    [
      `status.completionTime: Invalid value: "${T(2)}": cannot set completionTime when there is no Complete=True condition`,
      `${C}: cannot disable the terminal Complete=True condition`,
      'status.failed: Invalid value: 1: cannot decrease the failed counter',
      'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
      `status.completionTime: Invalid value: "${T(2)}": field is immutable`,
      'status.startTime: Required value: startTime cannot be removed for unsuspended job',
      `${C}: cannot disable the SuccessCriteriaMet=True condition`,
    ],
  ],
  [
    'a success that its policy has not seen',
    { completions: 1, completionMode: 'Indexed', successPolicy: { rules: [{ succeededCount: 1 }] } },
    status({ startTime: T(0), completionTime: T(1) }, 'Complete'),
    status({ startTime: T(0), completionTime: T(1) }, 'Complete'),
    [`${C}: cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True`],
  ],
  ['what was wrong before', {}, { ready: 2 }, { ready: 2, failed: 1 }, []],
]

for (const [name, spec, old, now, expected] of statuses) {
  test(`the status of a Job: ${name}`, () => {
    const at = (state: object): Job => ({ ...job(spec), status: state as JobStatus }) as Job
    const findings = foundBy((found) => jobs.validateStatusUpdate(at(now), at(old), found, { nowMs: 0 }))
    assert.deepEqual(
      findings.map(({ field, message }) => `${field}: ${message}`),
      expected,
    )
  })
}
