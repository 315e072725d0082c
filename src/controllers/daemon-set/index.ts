import {
  controllerRevisions,
  type DaemonSet,
  daemonSets,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  type Node,
  nodes,
  type Pod,
  pods,
  TEMPLATE_GENERATION,
  type Toleration,
  untoleratedTaints,
} from '#api'
import { deepClone, deepEqual } from '#base'
import { isAlreadyExists, isNotFound, keyOf } from '#meta'
import { templateHash } from '../deployment/template-hash.ts'
import {
  claim,
  controllerReference,
  createPods,
  defineController,
  deletePods,
  done,
  nextAvailability,
  ownerKeys,
  type ReconcileContext,
  type Result,
  selectingKeys,
  watch,
} from '../framework/index.ts'

const HASH = 'controller-revision-hash'

/** Pods of a daemon set stay on nodes that are in trouble: their work is the node's own. */
const TOLERATIONS: readonly Toleration[] = [
  ...['not-ready', 'unreachable'].map((name) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect: 'NoExecute' })),
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoSchedule',
  })),
]
const HOST_NETWORK_TOLERATION: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
}

/** Keeps one pod on every node that fits. */
export const daemonSetController = defineController<DaemonSet>({
  name: 'daemon-set-controller',
  flag: 'daemonset-controller',
  for: daemonSets,
  watches: [
    watch(pods, function* (pod, { cache }) {
      yield* ownerKeys(pod, daemonSets as never)
      yield* selectingKeys(pod, cache(daemonSets))
    }),
    watch(controllerRevisions, (revision) => ownerKeys(revision, daemonSets as never)),
    watch(nodes, (_node, { cache }) => cache(daemonSets).list().map(keyOf)),
  ],
  async reconcile(context): Promise<Result> {
    const { key, cache, client } = context
    const set = cache(daemonSets).get(key)
    if (set === undefined || set.metadata?.deletionTimestamp !== undefined) return done
    const awaited = context.expectations
    const all = cache(pods).list({ namespace: set.metadata?.namespace })
    const owned = await claim({ owner: set, ownerResource: daemonSets as never, resource: pods, candidates: all, client })
    const hash = templateHash(set.spec?.template, set.status?.collisionCount)
    await recordRevision(context, set, hash)
    const fitting = cache(nodes)
      .list()
      .filter((node) => fits(set, node))
    let failure: unknown
    if (awaited.satisfied(key)) failure = await manage(context, set, owned, fitting, hash)
    await updateStatus(context, set, owned, fitting, hash)
    if (failure !== undefined) throw failure
    return nextAvailability(context.clock, set.spec?.minReadySeconds ?? 0, owned)
  },
})

const tolerationsOf = (set: DaemonSet): Toleration[] => [
  ...(set.spec?.template?.spec?.tolerations ?? []),
  ...TOLERATIONS,
  ...(set.spec?.template?.spec?.hostNetwork ? [HOST_NETWORK_TOLERATION] : []),
]

/** Whether the node should have a pod: its name, labels and taints allow it. Resources are the scheduler's question. */
function fits(set: DaemonSet, node: Node): boolean {
  const spec = set.spec?.template?.spec
  if (spec?.nodeName && spec.nodeName !== node.metadata?.name) return false
  const labels = node.metadata?.labels ?? {}
  if (!Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (
    terms !== undefined &&
    !terms.some((term) => (term.matchExpressions ?? []).every((each) => matchesExpression(labels, each)))
  )
    return false
  return untoleratedTaints(node.spec?.taints ?? [], tolerationsOf(set), ['NoSchedule', 'NoExecute']).length === 0
}

function matchesExpression(
  labels: Readonly<Record<string, string>>,
  { key, operator, values = [] }: { readonly key: string; readonly operator: string; readonly values?: readonly string[] },
): boolean {
  const label = labels[key]
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label)
    case 'NotIn':
      return label === undefined || !values.includes(label)
    case 'Exists':
      return label !== undefined
    case 'DoesNotExist':
      return label === undefined
    case 'Gt':
      return label !== undefined && Number(label) > Number(values[0])
    case 'Lt':
      return label !== undefined && Number(label) < Number(values[0])
    default:
      return false
  }
}

/** The node a pod is for: where it is, or where its affinity sends it. */
function targetOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  return terms.flatMap(({ matchFields }) => matchFields ?? []).find(({ key }) => key === 'metadata.name')?.values?.[0]
}

async function manage(
  context: ReconcileContext,
  set: DaemonSet,
  owned: readonly Pod[],
  fitting: readonly Node[],
  hash: string,
): Promise<unknown> {
  const { recorder, random } = context
  const wanted = new Set(fitting.map(({ metadata }) => metadata?.name ?? ''))
  const byNode = new Map<string, Pod[]>()
  for (const pod of owned) byNode.set(targetOf(pod) ?? '', [...(byNode.get(targetOf(pod) ?? '') ?? []), pod])
  const victims: Pod[] = []
  for (const [node, here] of byNode) {
    const living = here.filter((pod) => pod.metadata?.deletionTimestamp === undefined)
    if (!wanted.has(node)) victims.push(...living)
    // A failed pod holds its place until it is deleted; of several the oldest stays.
    else
      victims.push(
        ...living.filter(isPodTerminal),
        ...living
          .filter((pod) => !isPodTerminal(pod))
          .sort(byAge)
          .slice(1),
      )
  }
  victims.push(...outdated(context, set, byNode, wanted.size, hash).filter((pod) => !victims.includes(pod)))
  for (const pod of victims.filter(isPodTerminal)) {
    const message = `Found failed daemon pod ${keyOf(pod)} on node ${pod.spec?.nodeName}, will try to kill it`
    recorder.event(set, 'Warning', 'FailedDaemonPod', message)
  }
  const deletion = await deletePods(context, set, victims)
  const missing = [...wanted].filter((node) => (byNode.get(node) ?? []).length === 0)
  const { error } = await createPods(context, set, missing.length, (index) =>
    podFor(set, missing[index]!, hash, random.suffix(5)),
  )
  return deletion ?? error
}

const byAge = (a: Pod, b: Pod): number => ((a.metadata?.creationTimestamp ?? '') < (b.metadata?.creationTimestamp ?? '') ? -1 : 1)

/** Old pods that a rolling update may take now: no more than `maxUnavailable` nodes go without. */
function outdated(
  { clock }: ReconcileContext,
  set: DaemonSet,
  byNode: ReadonlyMap<string, readonly Pod[]>,
  nodeCount: number,
  hash: string,
): Pod[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return []
  const { maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {}
  const limit = Math.max(
    1,
    typeof maxUnavailable === 'number' ? maxUnavailable : Math.ceil((Number(maxUnavailable.replace('%', '')) * nodeCount) / 100),
  )
  const all = [...byNode.values()].flat()
  const old = all.filter(
    (pod) => pod.metadata?.labels?.[HASH] !== hash && pod.metadata?.deletionTimestamp === undefined && !isPodTerminal(pod),
  )
  const isUp = (pod: Pod): boolean =>
    pod.metadata?.deletionTimestamp === undefined && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, clock.now())
  const unavailable = nodeCount - all.filter(isUp).length
  // What does not work anyway is replaced at once.
  const broken = old.filter((pod) => !isUp(pod))
  return [...broken, ...old.filter(isUp).slice(0, Math.max(0, limit - unavailable))]
}

function podFor(set: DaemonSet, node: string, hash: string, suffix: string): Pod {
  const template = deepClone(set.spec!.template!)
  const spec = template.spec!
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  spec.affinity = {
    ...spec.affinity,
    nodeAffinity: {
      ...spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: (required?.nodeSelectorTerms ?? [{}]).map((each) => ({ ...each, ...term })),
      },
    },
  }
  spec.tolerations = tolerationsOf(set)
  const prefix = `${set.metadata?.name}-`
  const templates = set.metadata?.annotations?.[TEMPLATE_GENERATION]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      name: prefix.slice(0, 58) + suffix,
      namespace: set.metadata?.namespace ?? '',
      labels: {
        ...template.metadata?.labels,
        [HASH]: hash,
        ...(templates !== undefined && { 'pod-template-generation': templates }),
      },
      ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
      ownerReferences: [controllerReference(set, daemonSets as never)],
    },
    spec,
  }
}

/** Each template is kept as a ControllerRevision, so that a rollout can be undone. */
async function recordRevision({ cache, client }: ReconcileContext, set: DaemonSet, hash: string): Promise<void> {
  const { name = '', namespace = '' } = set.metadata ?? {}
  const own = cache(controllerRevisions)
    .list({ namespace })
    .filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === set.metadata?.uid))
  const newest = Math.max(0, ...own.map(({ revision }) => revision))
  const current = own.find(({ metadata }) => metadata?.labels?.[HASH] === hash)
  if (current !== undefined) {
    if (current.revision < newest) await client.update(controllerRevisions, { ...current, revision: newest + 1 })
    return
  }
  const data = { spec: { template: { ...set.spec?.template, $patch: 'replace' } } }
  try {
    await client.create(controllerRevisions, {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels: { ...set.spec?.template?.metadata?.labels, [HASH]: hash },
        ownerReferences: [controllerReference(set, daemonSets as never)],
      },
      data,
      revision: newest + 1,
    })
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

async function updateStatus(
  { client, clock }: ReconcileContext,
  set: DaemonSet,
  owned: readonly Pod[],
  fitting: readonly Node[],
  hash: string,
): Promise<void> {
  const wanted = new Set(fitting.map(({ metadata }) => metadata?.name))
  const living = owned.filter((pod) => pod.metadata?.deletionTimestamp === undefined)
  const here = living.filter((pod) => wanted.has(targetOf(pod)))
  const available = here.filter((pod) => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, clock.now())).length
  const status: NonNullable<DaemonSet['status']> = {
    currentNumberScheduled: here.length,
    numberMisscheduled: living.length - here.length,
    desiredNumberScheduled: wanted.size,
    numberReady: here.filter(isPodReady).length,
    updatedNumberScheduled: here.filter(({ metadata }) => metadata?.labels?.[HASH] === hash).length,
    numberAvailable: available,
    numberUnavailable: wanted.size - available,
    observedGeneration: set.metadata?.generation ?? 0,
    ...(set.status?.collisionCount !== undefined && { collisionCount: set.status.collisionCount }),
    // What others say of the set is theirs.
    ...(set.status?.conditions && { conditions: set.status.conditions }),
  }
  if (deepEqual(status, set.status)) return
  try {
    await client.updateStatus(daemonSets, { ...set, status })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
