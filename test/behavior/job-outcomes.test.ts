import assert from 'node:assert/strict'
import { type Job, jobs, type Pod, pods } from '#api'
import { behaviors, type Scene } from './behavior.ts'

const SECOND_MS = 1_000
const INDEX = 'batch.kubernetes.io/job-completion-index'
/** Where time is nobody's own. */
const timeoutMs = 300_000

type JobSpec = NonNullable<Job['spec']>

/** A job whose pods do what the command says; nodes that only play are told the same by the script. */
interface Work {
  readonly command: string
  readonly script: object
  readonly restartPolicy?: 'Never' | 'OnFailure'
}

const FAIL: Work = { command: 'exit 1', script: { afterSeconds: 0, exitCode: 1 } }
const SUCCEED: Work = { command: 'exit 0', script: { afterSeconds: 0 } }
/** The first index succeeds, while the others go on for ever. */
const FIRST_ONLY: Work = {
  command: 'test "$JOB_COMPLETION_INDEX" = 0 || sleep 1000000',
  script: { byIndex: { 0: { afterSeconds: 0 } } },
}

const jobOf = ({ namespace }: Scene, { command, script, restartPolicy = 'Never' }: Work, spec: Partial<JobSpec>): Job => ({
  metadata: { name: 'work', namespace },
  spec: {
    completions: 4,
    parallelism: 4,
    ...spec,
    template: {
      metadata: { annotations: { 't8s.dev/simulate': JSON.stringify({ c: script }) } },
      spec: {
        restartPolicy,
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: 'busybox:1.36', command: ['/bin/sh', '-c', command] }],
      },
    },
  },
})

/** Creates a job, lets it work for so many seconds, and resolves with it. */
async function worked(scene: Scene, work: Work, spec: Partial<JobSpec>, seconds = 60): Promise<Job> {
  await scene.client.create(jobs, jobOf(scene, work, spec))
  await scene.target.pass(seconds * SECOND_MS)
  return jobNow(scene)
}

const jobNow = ({ client, namespace }: Scene): Promise<Job> => client.get(jobs, `${namespace}/work`)
const podsOf = async ({ client, namespace }: Scene): Promise<readonly Pod[]> => (await client.list(pods, { namespace })).items

/** `type reason` of what holds. */
const outcome = ({ status }: Job): string[] =>
  (status?.conditions ?? []).filter(({ status: is }) => is === 'True').map(({ type, reason }) => `${type} ${reason}`)

behaviors(
  'job outcomes',
  (behavior) => {
    behavior(
      '[sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname [Conformance]',
      async (scene) => {
        const { status } = await worked(scene, SUCCEED, { completionMode: 'Indexed', parallelism: 2 })
        assert.deepEqual([status?.succeeded, status?.completedIndexes], [4, '0-3'])
        const items = await podsOf(scene)
        assert.deepEqual(items.map(({ metadata }) => metadata?.annotations?.[INDEX]).sort(), ['0', '1', '2', '3'])
        for (const { metadata, spec } of items) {
          assert.equal(spec?.hostname, `work-${metadata?.annotations?.[INDEX]}`)
          const variable = spec?.containers[0]?.env?.find(({ name }) => name === 'JOB_COMPLETION_INDEX')
          assert.match(variable?.valueFrom?.fieldRef?.fieldPath ?? '', /batch\.kubernetes\.io\/job-completion-index/)
        }
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]',
      async (scene) => {
        const once: Work = {
          command: 'if [ -f /data/foo ]; then exit 0; else touch /data/foo; exit 1; fi',
          script: { afterSeconds: 0, exitCode: [1, 0] },
          restartPolicy: 'OnFailure',
        }
        const wanted = jobOf(scene, once, { parallelism: 2 })
        const { spec } = wanted.spec!.template
        spec!.volumes = [{ name: 'data', emptyDir: {} }]
        spec!.containers[0]!.volumeMounts = [{ name: 'data', mountPath: '/data' }]
        await scene.client.create(jobs, wanted)
        await scene.target.pass(90 * SECOND_MS)
        const job = await jobNow(scene)
        assert.deepEqual([job.status?.succeeded, job.status?.failed], [4, undefined])
        assert.ok(outcome(job).some((each) => each.startsWith('Complete ')))
        assert.deepEqual(
          (await podsOf(scene)).map(({ status }) => status?.containerStatuses?.[0]?.restartCount),
          [1, 1, 1, 1],
        )
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early [Conformance]',
      async (scene) => {
        const onExitCodes = { containerName: 'c', operator: 'In' as const, values: [1] }
        const podFailurePolicy = { rules: [{ action: 'FailJob' as const, onExitCodes }] }
        const job = await worked(scene, FAIL, { completions: 4, parallelism: 1, backoffLimit: 10, podFailurePolicy })
        assert.ok(outcome(job).includes('Failed PodFailurePolicy'), outcome(job).join())
        assert.equal(job.status?.failed, 1, 'the first failure was the last')
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition [Conformance]',
      async (scene) => {
        const { client, target, namespace } = scene
        const onPodConditions = [{ type: 'DisruptionTarget', status: 'True' }]
        const spec = { completions: 2, parallelism: 2, completionMode: 'Indexed' as const, backoffLimit: 0 }
        const podFailurePolicy = { rules: [{ action: 'Ignore' as const, onPodConditions }] }
        const sleeping: Work = { command: 'sleep 60', script: { afterSeconds: 60 } }
        const started = await worked(scene, sleeping, { ...spec, podFailurePolicy }, 15)
        assert.equal(started.status?.ready, 2)
        const first = await podsOf(scene)
        for (const { metadata } of first) {
          await client.createSubresource(pods, `${namespace}/${metadata?.name}`, 'eviction', {
            apiVersion: 'policy/v1',
            kind: 'Eviction',
            metadata: { name: metadata!.name!, namespace },
          })
        }
        await target.pass(120 * SECOND_MS)
        const job = await jobNow(scene)
        assert.deepEqual([job.status?.succeeded, job.status?.failed], [2, undefined])
        assert.ok(outcome(job).some((each) => each.startsWith('Complete ')))
        const seen = new Set(first.map(({ metadata }) => metadata?.uid))
        assert.ok((await podsOf(scene)).every(({ metadata, status }) => !seen.has(metadata?.uid) || status?.phase === 'Failed'))
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] Job should execute all indexes despite some failing when using backoffLimitPerIndex [Conformance]',
      async (scene) => {
        const odd: Work = {
          command: 'exit $(expr "$JOB_COMPLETION_INDEX" % 2)',
          script: { afterSeconds: 0, byIndex: { 1: { exitCode: 1 }, 3: { exitCode: 1 } } },
        }
        const job = await worked(scene, odd, { completionMode: 'Indexed', parallelism: 2, backoffLimitPerIndex: 1 }, 120)
        const { failedIndexes, completedIndexes, failed, succeeded } = job.status ?? {}
        assert.deepEqual([failedIndexes, completedIndexes, failed, succeeded], ['1,3', '0,2', 4, 2])
        assert.ok(outcome(job).includes('Failed FailedIndexes'), outcome(job).join())
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy [Conformance]',
      async (scene) => {
        const first: Work = {
          command: 'test "$JOB_COMPLETION_INDEX" != 0 || exit 42',
          script: { afterSeconds: 0, byIndex: { 0: { exitCode: 42 } } },
        }
        const onExitCodes = { operator: 'In' as const, values: [42] }
        const podFailurePolicy = { rules: [{ action: 'FailIndex' as const, onExitCodes }] }
        const spec = { completions: 2, parallelism: 2, completionMode: 'Indexed' as const, backoffLimitPerIndex: 1 }
        const job = await worked(scene, first, { ...spec, podFailurePolicy })
        const { failedIndexes, completedIndexes, failed, succeeded } = job.status ?? {}
        assert.deepEqual([failedIndexes, completedIndexes, failed, succeeded], ['0', '1', 1, 1])
        assert.ok(outcome(job).includes('Failed FailedIndexes'), outcome(job).join())
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes [Conformance]',
      async (scene) => {
        const spec = { completions: 10, parallelism: 1, completionMode: 'Indexed' as const, backoffLimitPerIndex: 0 }
        const job = await worked(scene, FAIL, { ...spec, maxFailedIndexes: 4 })
        assert.ok(outcome(job).includes('Failed MaxFailedIndexesExceeded'), outcome(job).join())
        // The fifth failure is one too many, and no further index is begun.
        assert.deepEqual([job.status?.failed, job.status?.failedIndexes, job.status?.succeeded], [5, '0-4', undefined])
      },
      { timeoutMs },
    )

    const successPolicies = {
      'succeededIndexes rule should succeeded even when some indexes remain pending': { succeededIndexes: '0' },
      'succeededCount rule should succeeded even when some indexes remain pending': { succeededCount: 1 },
    }
    for (const [title, rule] of Object.entries(successPolicies)) {
      behavior(
        `[sig-apps] Job with successPolicy ${title} [Conformance]`,
        async (scene) => {
          const spec = { completions: 5, parallelism: 2, completionMode: 'Indexed' as const, successPolicy: { rules: [rule] } }
          const job = await worked(scene, FIRST_ONLY, spec)
          assert.deepEqual(outcome(job), ['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy'])
          assert.deepEqual([job.status?.completedIndexes, job.status?.active ?? 0], ['0', 0])
        },
        { timeoutMs },
      )
    }

    behavior(
      '[sig-apps] Job with successPolicy should succeeded when all indexes succeeded [Conformance]',
      async (scene) => {
        const spec = { completions: 2, parallelism: 2, completionMode: 'Indexed' as const }
        const job = await worked(scene, SUCCEED, { ...spec, successPolicy: { rules: [{ succeededIndexes: '0-1' }] } })
        assert.deepEqual(outcome(job), ['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy'])
        assert.equal(job.status?.completedIndexes, '0,1')
      },
      { timeoutMs },
    )
  },
  { ownTime: true },
)
