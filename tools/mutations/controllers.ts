import { withoutEntry } from './edit.ts'
import type { Mutant } from './index.ts'

const without = (name: string, on: readonly string[]): Mutant => ({
  name: `controllers without ${name}`,
  ...withoutEntry('src/controllers/index.ts', name),
  on,
})

const withoutPlugin = (name: string, on: readonly string[]): Mutant => ({
  name: `scheduler without ${name}`,
  file: 'src/scheduler/plugins/index.ts',
  from: `  { plugin: ${name}, weight: `,
  to: `  { plugin: schedulingGates, weight: `,
  on,
})

const VERDICT = 'src/controllers/job/verdict.ts'
const CRON = 'src/controllers/cron-job/index.ts'
const REPLICAS = 'src/controllers/replicas.ts'

export const controllers: readonly Mutant[] = [
  without('cronJobController', ['cron-jobs']),
  without('daemonSetController', ['replicas', 'rollouts']),
  without('deploymentController', ['garbage-collection', 'replicas', 'rollouts', 'kubectl-objects']),
  without('disruptionController', ['disruption', 'placement']),
  without('endpointSliceController', ['network', 'replicas']),
  without('endpointSliceMirroringController', ['network']),
  without('endpointsController', ['network', 'replicas']),
  without('jobController', ['jobs', 'job-outcomes', 'cron-jobs']),
  without('replicaSetController', ['garbage-collection', 'placement', 'replicas', 'rollouts']),
  without('replicationController', ['garbage-collection', 'replicas', 'kubectl-objects']),
  without('rootCAPublisher', ['auth']),
  without('namespaceController', ['namespaces', 'timed']),
  without('taintEviction', ['timed']),
  without('serviceCIDRController', ['network']),
  {
    name: 'garbage stays',
    file: 'src/controllers/index.ts',
    from: "  'garbage-collector-controller': garbageCollector,\n",
    to: '',
    on: ['garbage-collection', 'jobs'],
  },
  {
    name: 'nobody counts what a quota limits',
    file: 'src/controllers/index.ts',
    from: "  'resourcequota-controller': resourceQuotaController,\n",
    to: '',
    on: ['quota'],
  },
  {
    name: 'jobs do not see that their policy ends them',
    file: VERDICT,
    from: '    failedByPolicy(job, owned) ??\n',
    to: '',
    on: ['job-outcomes'],
  },
  {
    name: 'jobs fail by no limit',
    file: VERDICT,
    from: '    failedByLimit(job, tally, owned) ??\n',
    to: '',
    // Behaviours of the list have limits for each index only.
    on: [],
    unit: 'src/controllers/workloads.test.ts',
  },
  {
    name: 'jobs do not count failed indexes',
    file: VERDICT,
    from: '    failedByIndexes(job, tally) ??\n',
    to: '',
    on: ['job-outcomes'],
  },
  {
    name: 'jobs do not see that enough succeeded',
    file: VERDICT,
    from: 'succeededByPolicy(job, tally)\n  )',
    to: 'undefined\n  )',
    on: ['job-outcomes'],
  },
  {
    name: 'jobs are never complete',
    file: VERDICT,
    from: 'const isComplete = active === 0 && ',
    to: 'const isComplete = active < 0 && ',
    on: ['job-outcomes', 'jobs'],
  },
  {
    name: 'every failure of a pod counts',
    file: 'src/controllers/job/failure-policy.ts',
    from: "counts: action !== 'Ignore'",
    to: 'counts: true',
    on: ['job-outcomes'],
  },
  { name: 'suspended cron jobs go on', file: CRON, from: ' && !cronJob.spec.suspend', to: '', on: ['cron-jobs'] },
  {
    name: 'cron jobs forbid nothing',
    file: CRON,
    from: "concurrencyPolicy === 'Forbid' && active.length > 0",
    to: "concurrencyPolicy === 'Never'",
    on: ['cron-jobs'],
  },
  {
    name: 'cron jobs replace nothing',
    file: CRON,
    from: "concurrencyPolicy === 'Replace'",
    to: "concurrencyPolicy === 'Never'",
    on: ['cron-jobs'],
  },
  {
    name: 'taints are tolerated for no time',
    file: 'src/controllers/node-lifecycle.ts',
    from: 'const limit = tolerations.length === 0 ? 0 : ',
    to: 'const limit = tolerations.length >= 0 ? 0 : ',
    on: ['timed'],
  },
  {
    name: 'sets do not say that they can make no pods',
    file: REPLICAS,
    from: '    failure === undefined\n      ? others',
    to: '    failure === undefined || others\n      ? others',
    on: ['replicas'],
  },
  {
    name: 'nothing is adopted or released',
    file: 'src/controllers/framework/owners.ts',
    from: 'export async function claim',
    to: 'export const claim = async <T>({ candidates }: { candidates: readonly T[] }): Promise<T[]> => [...candidates]\nasync function claimed',
    on: ['replicas', 'jobs'],
  },
  {
    name: 'replicas are never fewer',
    file: REPLICAS,
    from: 'return deletePods(context, owner, rankForDeletion(owned).slice(0, Math.min(-difference, BURST_MAX)))',
    to: 'return Promise.resolve(undefined)',
    on: ['replicas', 'rollouts', 'kubectl-objects', 'garbage-collection'],
  },
  withoutPlugin('nodeAffinity', ['scheduling', 'rollouts']),
  withoutPlugin('nodePorts', ['placement']),
  withoutPlugin('nodeResourcesFit', ['placement', 'nodes']),
  withoutPlugin('defaultPreemption', ['placement']),
]
