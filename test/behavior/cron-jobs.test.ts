import assert from 'node:assert/strict'
import { type CronJob, cronJobs, type Job, jobs } from '#api'
import { behaviors, type Scene } from './behavior.ts'

const MINUTE_MS = 60_000
/** Where time is nobody's own. */
const timeoutMs = 10 * MINUTE_MS

type Policy = NonNullable<NonNullable<CronJob['spec']>['concurrencyPolicy']>

/** A job every minute, whose pods run until they are stopped. */
const everyMinute = (namespace: string, concurrencyPolicy: Policy, suspend = false): CronJob => ({
  metadata: { name: 'every-minute', namespace },
  spec: {
    schedule: '*/1 * * * ?',
    concurrencyPolicy,
    suspend,
    jobTemplate: {
      spec: {
        template: {
          spec: {
            restartPolicy: 'OnFailure',
            containers: [{ name: 'c', image: 'busybox:1.36', command: ['sleep', '300'] }],
            terminationGracePeriodSeconds: 0,
          },
        },
      },
    },
  },
})

const jobsOf = async ({ client, namespace }: Scene): Promise<readonly Job[]> => (await client.list(jobs, { namespace })).items
const namesOf = (items: readonly Job[]): (string | undefined)[] => items.map(({ metadata }) => metadata?.name)
const activeOf = async ({ client, namespace }: Scene): Promise<(string | undefined)[]> =>
  (await client.get(cronJobs, `${namespace}/every-minute`)).status?.active?.map(({ name }) => name) ?? []

/** Lets a CronJob do its work for that long. */
async function run({ target, client, namespace }: Scene, concurrencyPolicy: Policy, minutes: number): Promise<void> {
  await client.create(cronJobs, everyMinute(namespace, concurrencyPolicy))
  await target.pass(minutes * MINUTE_MS)
}

behaviors(
  'cron jobs',
  (behavior) => {
    behavior(
      '[sig-apps] CronJob should not schedule jobs when suspended [Slow] [Conformance]',
      async (scene) => {
        const { target, client, namespace } = scene
        const key = `${namespace}/every-minute`
        await client.create(cronJobs, everyMinute(namespace, 'Allow', true))
        await target.pass(5 * MINUTE_MS)
        assert.deepEqual(await jobsOf(scene), [])
        assert.equal((await client.get(cronJobs, key)).status?.lastScheduleTime, undefined)
        // Only the suspension held it back.
        await client.patch(cronJobs, key, { spec: { suspend: false } }, { type: 'merge' })
        await target.pass(2 * MINUTE_MS)
        assert.notEqual((await jobsOf(scene)).length, 0)
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] CronJob should schedule multiple jobs concurrently [Conformance]',
      async (scene) => {
        await run(scene, 'Allow', 3)
        const active = await activeOf(scene)
        assert.ok(active.length > 1, `${active.length} are active`)
        assert.deepEqual(
          (await jobsOf(scene)).map(({ status }) => status?.active),
          active.map(() => 1),
        )
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] CronJob should not schedule new jobs when ForbidConcurrent [Slow] [Conformance]',
      async (scene) => {
        await run(scene, 'Forbid', 2)
        const [first, ...others] = namesOf(await jobsOf(scene))
        assert.ok(first)
        assert.deepEqual(others, [])
        await scene.target.pass(2 * MINUTE_MS)
        assert.deepEqual([await activeOf(scene), namesOf(await jobsOf(scene))], [[first], [first]])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-apps] CronJob should replace jobs when ReplaceConcurrent [Conformance]',
      async (scene) => {
        await run(scene, 'Replace', 1.5)
        const [first, ...others] = await activeOf(scene)
        assert.ok(first)
        assert.deepEqual(others, [])
        await scene.target.pass(1.5 * MINUTE_MS)
        const active = await activeOf(scene)
        assert.equal(active.length, 1)
        assert.notEqual(active[0], first)
        assert.deepEqual(namesOf(await jobsOf(scene)), active)
      },
      { timeoutMs },
    )
  },
  { ownTime: true },
)
