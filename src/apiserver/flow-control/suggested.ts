import {
  ANYONE,
  EVERYTHING,
  type FlowcontrolSubject,
  type FlowSchema,
  flowSchema,
  groupSubject,
  type PriorityLevelConfiguration,
  priorityLevel,
  type ResourcePolicyRule,
} from '#api'

const limited = (
  name: string,
  shares: number,
  lendablePercent: number,
  [queues, handSize]: readonly [queues: number, handSize: number],
): PriorityLevelConfiguration =>
  priorityLevel(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent,
      limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  })

/** Upstream's suggestion (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#suggested-configuration-objects); an administrator may change any of it. */
export const suggestedPriorityLevels: readonly PriorityLevelConfiguration[] = [
  limited('system', 30, 33, [64, 6]),
  limited('node-high', 40, 25, [64, 6]),
  limited('leader-election', 10, 0, [16, 4]),
  limited('workload-high', 40, 50, [128, 6]),
  limited('workload-low', 100, 90, [128, 6]),
  limited('global-default', 20, 50, [128, 6]),
]

const user = (name: string): FlowcontrolSubject => ({ kind: 'User', user: { name } })
const systemAccount = (name: string): FlowcontrolSubject => ({
  kind: 'ServiceAccount',
  serviceAccount: { name, namespace: 'kube-system' },
})
const KUBE_CONTROLLER_MANAGER = user('system:kube-controller-manager')
const KUBE_SCHEDULER = user('system:kube-scheduler')
const NODES = [groupSubject('system:nodes')]

const namespaced = (verbs: string[], apiGroups: string[], resources: string[]): ResourcePolicyRule => ({
  verbs,
  apiGroups,
  resources,
  namespaces: ['*'],
})
const READ_AND_WRITE = ['get', 'create', 'update']
const leasesOf = (verbs: string[]): ResourcePolicyRule => namespaced(verbs, ['coordination.k8s.io'], ['leases'])

interface Matching {
  readonly precedence: number
  readonly level: string
  readonly by?: 'ByUser' | 'ByNamespace'
}

const schema = (
  name: string,
  { precedence, level, by }: Matching,
  subjects: FlowcontrolSubject[],
  rules: { resourceRules?: ResourcePolicyRule[]; nonResourceRules?: typeof EVERYTHING.nonResourceRules } = EVERYTHING,
): FlowSchema =>
  flowSchema(name, {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: precedence,
    ...(by && { distinguisherMethod: { type: by } }),
    rules: [{ subjects, ...rules }],
  })

export const suggestedFlowSchemas: readonly FlowSchema[] = [
  schema('system-nodes', { precedence: 500, level: 'system', by: 'ByUser' }, NODES),
  schema('system-node-high', { precedence: 400, level: 'node-high', by: 'ByUser' }, NODES, {
    resourceRules: [{ ...namespaced(['*'], [''], ['nodes', 'nodes/status']), clusterScope: true }, leasesOf(['*'])],
  }),
  schema('probes', { precedence: 2, level: 'exempt' }, ANYONE, {
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
  }),
  schema(
    'system-leader-election',
    { precedence: 100, level: 'leader-election', by: 'ByUser' },
    [KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER, systemAccount('*')],
    { resourceRules: [leasesOf(READ_AND_WRITE)] },
  ),
  // Ahead of the next, so that endpoints that a controller writes are not taken for locks.
  schema(
    'endpoint-controller',
    { precedence: 150, level: 'workload-high', by: 'ByUser' },
    [KUBE_CONTROLLER_MANAGER, systemAccount('endpoint-controller'), systemAccount('endpointslicemirroring-controller')],
    { resourceRules: [namespaced(READ_AND_WRITE, [''], ['endpoints'])] },
  ),
  schema('workload-leader-election', { precedence: 200, level: 'leader-election', by: 'ByUser' }, [systemAccount('*')], {
    resourceRules: [namespaced(READ_AND_WRITE, [''], ['endpoints', 'configmaps']), leasesOf(READ_AND_WRITE)],
  }),
  schema('kube-controller-manager', { precedence: 800, level: 'workload-high', by: 'ByNamespace' }, [KUBE_CONTROLLER_MANAGER]),
  schema('kube-scheduler', { precedence: 800, level: 'workload-high', by: 'ByNamespace' }, [KUBE_SCHEDULER]),
  schema('kube-system-service-accounts', { precedence: 900, level: 'workload-high', by: 'ByNamespace' }, [systemAccount('*')]),
  schema('service-accounts', { precedence: 9000, level: 'workload-low', by: 'ByUser' }, [groupSubject('system:serviceaccounts')]),
  schema('global-default', { precedence: 9900, level: 'global-default', by: 'ByUser' }, ANYONE),
]
