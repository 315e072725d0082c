import assert from 'node:assert/strict'
import { configMaps, namespaces, nodes, type Pod, pods } from '#api'
import { behaviors, type Scene } from './behavior.ts'

const SECOND_MS = 1_000
/** In which a cluster does what is to be done at once. */
const AT_ONCE_MS = 20 * SECOND_MS
const FINALIZER = 'e2e.example.com/finalizer'
const TAINT = { key: 'kubernetes.io/e2e-evict-taint-key', value: 'evictTaintVal', effect: 'NoExecute' as const }

/** A pod that bears the taint for so long. */
const tolerating = ({ namespace }: Scene, name: string, tolerationSeconds: number): Pod => ({
  metadata: { name, namespace },
  spec: {
    containers: [{ name: 'pause', image: 'pause:3' }],
    terminationGracePeriodSeconds: 0,
    tolerations: [{ ...TAINT, operator: 'Equal', tolerationSeconds }],
  },
})

/** Creates pods, and resolves with the nodes on which they run by then. */
async function run({ target, client, namespace }: Scene, ...wanted: readonly Pod[]): Promise<readonly string[]> {
  for (const pod of wanted) await client.create(pods, pod)
  await target.pass(AT_ONCE_MS)
  const { items } = await client.list(pods, { namespace })
  assert.ok(items.length === wanted.length && items.every(({ status }) => status?.phase === 'Running'))
  return [...new Set(items.map(({ spec }) => spec!.nodeName!))]
}

const namesOf = async ({ client, namespace }: Scene): Promise<(string | undefined)[]> =>
  (await client.list(pods, { namespace })).items
    .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata?.name)

/** Puts the taint on nodes while `body` runs, which may take it off before. */
async function tainting(
  { client }: Scene,
  names: readonly string[],
  body: (untaint: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const taint = async (taints: (typeof TAINT)[] | null): Promise<void> => {
    for (const name of names) await client.patch(nodes, name, { spec: { taints } }, { type: 'merge' })
  }
  await taint([TAINT])
  try {
    await body(() => taint(null))
  } finally {
    await taint(null)
  }
}

behaviors(
  'timed',
  (behavior) => {
    behavior(
      '[sig-api-machinery] OrderedNamespaceDeletion namespace deletion should delete pod first [Conformance]',
      async (scene) => {
        const { target, client, namespace } = scene
        const name = `${namespace}-other`
        await client.create(namespaces, { metadata: { name } })
        await target.pass(SECOND_MS)
        const metadata = (of: string) => ({ name: of, namespace: name, finalizers: [FINALIZER] })
        const spec = { containers: [{ name: 'main', image: 'pause:3' }], terminationGracePeriodSeconds: 0 }
        await client.create(pods, { metadata: metadata('held'), spec })
        await client.create(configMaps, { metadata: metadata('later') })
        await target.pass(AT_ONCE_MS)
        const isDeleted = async (kind: typeof pods | typeof configMaps, of: string): Promise<boolean | undefined> => {
          const found = await client.find(kind as typeof configMaps, `${name}/${of}`)
          return found && found.metadata?.deletionTimestamp !== undefined
        }
        await client.delete(namespaces, name)
        await target.pass(AT_ONCE_MS)
        // The namespace says what it waits for, and has touched nothing else meanwhile.
        assert.deepEqual([await isDeleted(pods, 'held'), await isDeleted(configMaps, 'later')], [true, false])
        const { status } = await client.get(namespaces, name)
        const waiting = status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')
        assert.equal(waiting?.status, 'True')
        assert.match(waiting?.message ?? '', /e2e\.example\.com\/finalizer in 1 resource instances/)
        const release = { metadata: { finalizers: null } }
        await client.patch(pods, `${name}/held`, release, { type: 'merge' })
        await target.pass(AT_ONCE_MS)
        assert.deepEqual([await isDeleted(pods, 'held'), await isDeleted(configMaps, 'later')], [undefined, true])
        await client.patch(configMaps, `${name}/later`, release, { type: 'merge' })
        await target.pass(AT_ONCE_MS)
        assert.equal(await client.find(namespaces, name), undefined)
      },
    )

    behavior(
      '[sig-node] NoExecuteTaintManager Single Pod [Serial] removing taint cancels eviction [Disruptive] [Conformance]',
      async (scene) => {
        const { target } = scene
        await tainting(scene, await run(scene, tolerating(scene, 'cancelled', 60)), async (untaint) => {
          await target.pass(30 * SECOND_MS)
          await untaint()
          await target.pass(90 * SECOND_MS)
          assert.deepEqual(await namesOf(scene), ['cancelled'])
        })
      },
      { timeoutMs: 300_000 },
    )

    behavior(
      '[sig-node] NoExecuteTaintManager Multiple Pods [Serial] evicts pods with minTolerationSeconds [Disruptive] [Conformance]',
      async (scene) => {
        const { target } = scene
        const both = [tolerating(scene, 'patient', 40), tolerating(scene, 'hasty', 5)]
        await tainting(scene, await run(scene, ...both), async () => {
          await target.pass(2 * SECOND_MS)
          assert.deepEqual(await namesOf(scene), ['hasty', 'patient'])
          await target.pass(20 * SECOND_MS)
          assert.deepEqual(await namesOf(scene), ['patient'])
          await target.pass(30 * SECOND_MS)
          assert.deepEqual(await namesOf(scene), [])
        })
      },
      { timeoutMs: 300_000 },
    )
  },
  { ownTime: true },
)
