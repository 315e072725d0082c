import type { Node, NodeStatus, Pod, PodSpec, Taint } from '#api'
import { type Random, seededRandom } from '#base'
import { Cache } from './cache.ts'
import { Decider, type Decision } from './cycle.ts'
import { explain } from './diagnosis.ts'
import type { Lookups } from './framework/index.ts'
import { Nominations } from './nominations.ts'
import { defaultPlugins } from './plugins/index.ts'

/** Small clusters for tests and benchmarks. */

export interface NodeInput {
  readonly name: string
  readonly labels?: Record<string, string>
  readonly cpu?: string
  readonly memory?: string
  readonly pods?: string
  readonly taints?: Taint[]
  readonly unschedulable?: boolean
  readonly images?: NodeStatus['images']
  readonly extended?: Record<string, string>
}

export function makeNode({
  name,
  labels = {},
  cpu = '4',
  memory = '8Gi',
  pods = '110',
  taints,
  unschedulable,
  images,
  extended,
}: NodeInput): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { ...(taints && { taints }), ...(unschedulable && { unschedulable }) },
    status: { allocatable: { cpu, memory, pods, ...extended }, ...(images && { images }) },
  }
}

export interface PodInput extends Partial<PodSpec> {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Record<string, string>
  readonly requests?: Record<string, string>
  readonly on?: string
  readonly owner?: { readonly kind: string; readonly name: string }
  readonly status?: Pod['status']
}

export function makePod({ name, namespace = 'default', labels, requests, on, owner, status, ...spec }: PodInput): Pod {
  const ownerReferences = owner && [{ apiVersion: 'v1', ...owner, uid: owner.name, controller: true }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${namespace}-${name}`,
      ...(labels && { labels }),
      ...(ownerReferences && { ownerReferences }),
    },
    spec: {
      containers: [{ name: 'main', image: 'busybox', ...(requests && { resources: { requests } }) }],
      ...(on && { nodeName: on }),
      ...spec,
    },
    ...(status && { status }),
  }
}

/** Nodes and pods with a decider over them; no API server, no queue. */
export class SmallCluster {
  readonly cache: Cache
  readonly nominations = new Nominations()
  readonly #decider: Decider

  constructor(
    nodes: readonly Node[],
    placed: readonly Pod[] = [],
    options: { readonly lookups?: Partial<Lookups>; readonly random?: Random } = {},
  ) {
    const none: Lookups = {
      namespaceLabels: () => undefined,
      services: () => [],
      ownerSelector: () => undefined,
      budgets: () => [],
      claim: () => undefined,
      volume: () => undefined,
      volumes: () => [],
      storageClass: () => undefined,
    }
    this.cache = new Cache({ ...none, ...options.lookups })
    for (const node of nodes) this.cache.setNode(node)
    for (const pod of placed) this.cache.setPod(pod)
    this.#decider = new Decider({
      plugins: defaultPlugins,
      snapshot: this.cache,
      nominations: this.nominations,
      random: options.random ?? seededRandom(1),
    })
  }

  decide(pod: Pod): Decision {
    return this.#decider.decide(pod)
  }

  /** Where the pod goes, or why nowhere, in the words of the event. */
  place(pod: Pod): string {
    const decision = this.decide(pod)
    if (decision.kind === 'placed') return decision.nodeName
    const { diagnosis, postFiltered } = decision
    if (postFiltered?.kind === 'nominated')
      return `evicts ${postFiltered.victims.map(({ metadata }) => metadata?.name).join(', ')} from ${postFiltered.nodeName}`
    return explain(diagnosis, postFiltered?.message)
  }
}
