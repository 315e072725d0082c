import type {
  FlowSchema,
  FlowSchemaSpec,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from '../generated/types.ts'

/** A rule for everything that is asked for. */
export const EVERYTHING = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
}

export const groupSubject = (name: string) => ({ kind: 'Group', group: { name } })

export const ANYONE = [groupSubject('system:unauthenticated'), groupSubject('system:authenticated')]

export const flowSchema = (name: string, spec: FlowSchemaSpec): FlowSchema => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'FlowSchema',
  metadata: { name },
  spec,
})

export const priorityLevel = (name: string, spec: PriorityLevelConfigurationSpec): PriorityLevelConfiguration => ({
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  kind: 'PriorityLevelConfiguration',
  metadata: { name },
  spec,
})

/** What every server needs to classify any request; their specs are fixed (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#mandatory-configuration-objects). */
export const mandatoryPriorityLevels: readonly PriorityLevelConfiguration[] = [
  priorityLevel('exempt', { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  priorityLevel('catch-all', {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
  }),
]

export const mandatoryFlowSchemas: readonly FlowSchema[] = [
  flowSchema('exempt', {
    priorityLevelConfiguration: { name: 'exempt' },
    matchingPrecedence: 1,
    rules: [{ subjects: [groupSubject('system:masters')], ...EVERYTHING }],
  }),
  flowSchema('catch-all', {
    priorityLevelConfiguration: { name: 'catch-all' },
    matchingPrecedence: 10_000,
    distinguisherMethod: { type: 'ByUser' },
    rules: [{ subjects: ANYONE, ...EVERYTHING }],
  }),
]
