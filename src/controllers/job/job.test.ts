import assert from 'node:assert/strict'
import test from 'node:test'
import { events, type Job, jobs, type Pod, pods } from '#api'
import { deepClone } from '#base'
import { formatTime, isInvalid, keyOf } from '#meta'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const INDEX = 'batch.kubernetes.io/job-completion-index'

const job = (spec: Partial<NonNullable<Job['spec']>>): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'work', namespace: 'default' },
  spec: { ...spec, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] } } },
})

/** A cluster without nodes, on which the test itself decides what becomes of pods. */
class Workplace {
  readonly cluster: TestCluster

  constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  async submit(spec: Partial<NonNullable<Job['spec']>>): Promise<void> {
    await this.cluster.client.create(jobs, job(spec))
    await this.wait(0)
  }

  wait = (seconds: number): Promise<void> => this.cluster.clock.advance(seconds * 1000)

  async pods(): Promise<Pod[]> {
    const { items } = await this.cluster.client.list(pods, { namespace: 'default' })
    return items.toSorted((a, b) => Number(indexOf(a)) - Number(indexOf(b)))
  }

  async active(): Promise<Pod[]> {
    return (await this.pods()).filter(
      ({ metadata, status }) =>
        metadata?.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
    )
  }

  /** Ends a pod as a kubelet would. */
  async end(pod: Pod, exitCode: number, conditions: readonly { type: string; status: string }[] = []): Promise<void> {
    const draft = deepClone(pod)
    const finishedAt = formatTime(this.cluster.clock.now())
    draft.status = {
      ...draft.status,
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      conditions: [...conditions],
      containerStatuses: [
        {
          name: 'main',
          image: 'work:1',
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { terminated: { exitCode, finishedAt } },
        },
      ],
    } as NonNullable<Pod['status']>
    await this.cluster.client.updateStatus(pods, draft)
    await this.wait(0)
  }

  change = async (patch: object): Promise<void> => {
    await this.cluster.client.patch(jobs, 'default/work', patch, { type: 'merge' })
    await this.wait(0)
  }

  async status(): Promise<NonNullable<Job['status']>> {
    return (await this.cluster.client.get(jobs, 'default/work')).status ?? {}
  }

  /** `Type Reason` of every condition, in order. */
  async conditions(): Promise<string[]> {
    return ((await this.status()).conditions ?? []).map(({ type, status, reason }) =>
      status === 'True' ? `${type} ${reason}` : `not ${type} ${reason}`,
    )
  }

  async reasons(): Promise<string[]> {
    const { items } = await this.cluster.client.list(events, { namespace: 'default' })
    return items.filter(({ involvedObject }) => involvedObject.kind === 'Job').map(({ reason }) => reason ?? '')
  }
}

const indexOf = ({ metadata }: Pod): string | undefined => metadata?.annotations?.[INDEX]
const failureCount = ({ metadata }: Pod): string | undefined =>
  metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count']

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (place: Workplace) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await body(new Workplace(cluster))
    })
  }

  behaviour('a pod that exits as a FailJob rule says fails the job at once', async (place) => {
    const rule = { action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } }
    await place.submit({ backoffLimit: 6, parallelism: 2, completions: 2, podFailurePolicy: { rules: [rule] } })
    const [first] = await place.pods()
    await place.end(first!, 42)
    assert.deepEqual(await place.conditions(), ['FailureTarget PodFailurePolicy', 'Failed PodFailurePolicy'])
    const { conditions, failed } = await place.status()
    const message = `Container main for pod default/${first!.metadata!.name} failed with exit code 42 matching FailJob rule at index 0`
    assert.equal(conditions?.at(-1)?.message, message)
    assert.equal(failed, 2)
    assert.equal((await place.active()).length, 0)
    assert.ok((await place.reasons()).includes('PodFailurePolicy'))
  })

  behaviour('a failure that an Ignore rule matches is not counted, and its pod is replaced', async (place) => {
    const rule = { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }
    await place.submit({ backoffLimit: 0, podFailurePolicy: { rules: [rule] } })
    await place.end((await place.active())[0]!, 137, [{ type: 'DisruptionTarget', status: 'True' }])
    await place.wait(10)
    assert.equal((await place.status()).failed ?? 0, 0)
    assert.equal((await place.active()).length, 1)
    await place.end((await place.active())[0]!, 1)
    assert.deepEqual(await place.conditions(), ['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'])
  })

  behaviour('a failure that a Count rule matches is counted before later rules are asked', async (place) => {
    const rules = [
      { action: 'Count', onExitCodes: { operator: 'In', values: [3] } },
      { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [4] } },
    ]
    await place.submit({ backoffLimit: 6, podFailurePolicy: { rules } })
    await place.end((await place.active())[0]!, 3)
    assert.equal((await place.status()).failed, 1)
    assert.deepEqual(await place.conditions(), [])
  })

  behaviour('an index fails for good when a FailIndex rule matches, and the others go on', async (place) => {
    const rule = { action: 'FailIndex', onExitCodes: { operator: 'In', values: [7] } }
    await place.submit({
      completionMode: 'Indexed',
      completions: 2,
      parallelism: 2,
      backoffLimitPerIndex: 3,
      podFailurePolicy: { rules: [rule] },
    })
    const [zero, one] = await place.pods()
    await place.end(zero!, 7)
    assert.equal((await place.status()).failedIndexes, '0')
    await place.end(one!, 0)
    const status = await place.status()
    assert.equal(status.completedIndexes, '1')
    assert.deepEqual(await place.conditions(), ['FailureTarget FailedIndexes', 'Failed FailedIndexes'])
    assert.equal(status.failed, 1)
  })

  behaviour('each index has its own limit and its own back-off, and its pods carry the count', async (place) => {
    await place.submit({ completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 1 })
    const [zero, one] = await place.pods()
    assert.equal(failureCount(zero!), '0')
    await place.end(zero!, 1)
    await place.wait(9)
    assert.deepEqual((await place.active()).map(indexOf), ['1'])
    await place.wait(1)
    const again = (await place.active()).find((pod) => indexOf(pod) === '0')!
    assert.equal(failureCount(again), '1')
    await place.end(again, 1)
    assert.equal((await place.status()).failedIndexes, '0')
    await place.end(one!, 0)
    const status = await place.status()
    assert.deepEqual([status.failed, status.succeeded, status.failedIndexes], [2, 1, '0'])
    assert.deepEqual(await place.conditions(), ['FailureTarget FailedIndexes', 'Failed FailedIndexes'])
    assert.ok((await place.pods()).every(({ metadata }) => !metadata?.finalizers?.length))
  })

  behaviour('more failed indexes than allowed end the job and what still runs', async (place) => {
    await place.submit({
      completionMode: 'Indexed',
      completions: 4,
      parallelism: 4,
      backoffLimitPerIndex: 0,
      maxFailedIndexes: 1,
    })
    const all = await place.pods()
    await place.end(all[0]!, 1)
    assert.deepEqual(await place.conditions(), [])
    await place.end(all[2]!, 1)
    assert.deepEqual(await place.conditions(), ['FailureTarget MaxFailedIndexesExceeded', 'Failed MaxFailedIndexesExceeded'])
    assert.equal((await place.active()).length, 0)
  })

  behaviour('a success policy ends the job while indexes remain', async (place) => {
    const successPolicy = { rules: [{ succeededIndexes: '1-3', succeededCount: 2 }] }
    await place.submit({ completionMode: 'Indexed', completions: 4, parallelism: 4, successPolicy })
    const all = await place.pods()
    await place.end(all[0]!, 0)
    await place.end(all[1]!, 0)
    assert.deepEqual(await place.conditions(), [])
    await place.end(all[3]!, 0)
    assert.deepEqual(await place.conditions(), ['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy'])
    const status = await place.status()
    assert.equal(status.conditions?.[0]?.message, 'Matched rules at index 0')
    assert.equal(status.completedIndexes, '0,1,3')
    assert.ok(status.completionTime)
  })

  behaviour('failed pods are replaced ten seconds later, then twenty, until one succeeds', async (place) => {
    await place.submit({ backoffLimit: 6 })
    for (const seconds of [10, 20, 40]) {
      await place.end((await place.active())[0]!, 1)
      await place.wait(seconds - 1)
      assert.equal((await place.active()).length, 0)
      await place.wait(1)
      assert.equal((await place.active()).length, 1)
    }
    await place.end((await place.active())[0]!, 0)
    assert.deepEqual(await place.conditions(), ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'])
    assert.ok((await place.reasons()).includes('Completed'))
  })

  behaviour('a pod that is deleted is replaced at once, or only when it has ended', async (place) => {
    for (const [podReplacementPolicy, replaced] of [
      ['TerminatingOrFailed', 1],
      ['Failed', 0],
    ] as const) {
      await place.submit({ podReplacementPolicy })
      const [pod] = await place.active()
      const { client } = place.cluster
      await client.patch(
        pods,
        keyOf(pod!),
        { metadata: { finalizers: ['test/hold', ...pod!.metadata!.finalizers!] } },
        { type: 'merge' },
      )
      await client.delete(pods, keyOf(pod!))
      await place.wait(10)
      assert.equal((await place.active()).length, replaced, podReplacementPolicy)
      assert.equal((await place.status()).terminating, 1)
      await client.patch(pods, keyOf(pod!), { metadata: { finalizers: null } }, { type: 'merge' })
      await client.delete(jobs, 'default/work', { propagationPolicy: 'Background' })
      await place.wait(60)
      assert.equal((await place.pods()).length, 0)
    }
  })

  behaviour('a suspended job has no pods, and its time begins anew when it goes on', async (place) => {
    await place.submit({ parallelism: 2, completions: 2, activeDeadlineSeconds: 60 })
    const before = (await place.status()).startTime
    await place.wait(30)
    await place.change({ spec: { suspend: true } })
    assert.deepEqual(await place.conditions(), ['Suspended JobSuspended'])
    assert.equal((await place.active()).length, 0)
    assert.equal((await place.status()).failed ?? 0, 0)
    assert.equal((await place.status()).startTime, undefined)
    await place.wait(100)
    await place.change({ spec: { suspend: false } })
    assert.deepEqual(await place.conditions(), ['not Suspended JobResumed'])
    assert.equal((await place.active()).length, 2)
    assert.notEqual((await place.status()).startTime, before)
    await place.wait(59)
    assert.deepEqual(await place.conditions(), ['not Suspended JobResumed'])
    await place.wait(1)
    assert.equal((await place.conditions()).at(-1), 'Failed DeadlineExceeded')
    const reasons = await place.reasons()
    for (const reason of ['Suspended', 'Resumed', 'DeadlineExceeded']) assert.ok(reasons.includes(reason), reason)
  })

  behaviour('an elastic job drops and adds indexes when completions and parallelism change together', async (place) => {
    await place.submit({ completionMode: 'Indexed', completions: 3, parallelism: 3 })
    const all = await place.pods()
    await place.end(all[0]!, 0)
    await place.end(all[2]!, 0)
    await place.change({ spec: { completions: 2, parallelism: 2 } })
    assert.equal((await place.status()).completedIndexes, '0')
    await place.change({ spec: { completions: 4, parallelism: 4 } })
    assert.deepEqual((await place.active()).map(indexOf), ['1', '2', '3'])
    await assert.rejects(place.change({ spec: { completions: 5 } }), isInvalid)
  })

  behaviour('a job that somebody else manages is left alone', async (place) => {
    await place.submit({ managedBy: 'example.com/queue' })
    await place.wait(5)
    assert.equal((await place.pods()).length, 0)
    assert.deepEqual(await place.status(), {})
  })

  behaviour('a pod of an indexed job knows its index by annotation, label, variable and host name', async (place) => {
    await place.submit({ completionMode: 'Indexed', completions: 1 })
    const [pod] = await place.pods()
    assert.equal(pod!.metadata!.labels![INDEX], '0')
    assert.equal(pod!.spec!.hostname, 'work-0')
    assert.match(pod!.metadata!.name!, /^work-0-/)
    assert.deepEqual(
      pod!.spec!.containers[0]!.env?.map(({ name }) => name),
      ['JOB_COMPLETION_INDEX'],
    )
  })

  behaviour('a pod that lost its owner is adopted again, and one that no longer fits is released', async (place) => {
    await place.submit({ parallelism: 1 })
    const [pod] = await place.active()
    const { client } = place.cluster
    await client.patch(pods, keyOf(pod!), { metadata: { ownerReferences: null } }, { type: 'merge' })
    await place.wait(0)
    assert.equal((await client.get(pods, keyOf(pod!))).metadata?.ownerReferences?.[0]?.kind, 'Job')
    await client.patch(pods, keyOf(pod!), { metadata: { labels: null } }, { type: 'merge' })
    await place.wait(0)
    const released = await client.get(pods, keyOf(pod!))
    assert.ok(!released.metadata?.ownerReferences?.length && !released.metadata?.finalizers?.length)
    assert.equal((await place.active()).length, 2)
  })

  behaviour('pods that are orphaned with their job are free of its finalizer', async (place) => {
    await place.submit({ parallelism: 2, completions: 2 })
    await place.cluster.client.delete(jobs, 'default/work', { propagationPolicy: 'Orphan' })
    await place.wait(1)
    const left = await place.pods()
    assert.equal(left.length, 2)
    assert.ok(left.every(({ metadata }) => !metadata?.finalizers?.length && !metadata?.ownerReferences?.length))
  })

  behaviour('a smaller parallelism deletes pods without counting them', async (place) => {
    await place.submit({ parallelism: 3, completions: 5 })
    await place.change({ spec: { parallelism: 1 } })
    assert.equal((await place.active()).length, 1)
    const status = await place.status()
    assert.deepEqual([status.active, status.failed ?? 0], [1, 0])
  })
}
