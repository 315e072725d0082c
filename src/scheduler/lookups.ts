import {
  namespaces,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  type ResourceDefinition,
  replicaSets,
  replicationControllers,
  services,
  statefulSets,
  storageClasses,
} from '#api'
import type { Source, Sources } from '#client'
import { type KubernetesObject, type LabelSelector, objectKey } from '#meta'
import type { Lookups } from './framework/index.ts'

/** Answers plugins' questions about other objects, and adds to `synced` what must be waited for until it can. */
export function lookupsFrom(sources: Sources, synced: Promise<void>[], signal: AbortSignal): Lookups {
  const open = <T extends KubernetesObject>(resource: ResourceDefinition<T>): Source<T> => {
    const source = sources.for(resource)
    synced.push(source.synced(signal))
    return source
  }
  const namespaceSource = open(namespaces)
  const serviceSource = open(services)
  const budgetSource = open(podDisruptionBudgets)
  const replicaSetSource = open(replicaSets)
  const statefulSetSource = open(statefulSets)
  const replicationControllerSource = open(replicationControllers)
  const claimSource = open(persistentVolumeClaims)
  const volumeSource = open(persistentVolumes)
  const classSource = open(storageClasses)
  return {
    namespaceLabels: (name) => namespaceSource.get(name)?.metadata?.labels,
    services: (namespace) => serviceSource.list({ namespace }),
    claim: (namespace, name) => claimSource.get(objectKey(namespace, name)),
    volume: (name) => volumeSource.get(name),
    volumes: () => volumeSource.list(),
    storageClass: (name) => classSource.get(name),
    budgets: (namespace) => budgetSource.list({ namespace }),
    ownerSelector(kind, namespace, name): LabelSelector | undefined {
      const key = objectKey(namespace, name)
      switch (kind) {
        case 'ReplicaSet':
          return replicaSetSource.get(key)?.spec?.selector
        case 'StatefulSet':
          return statefulSetSource.get(key)?.spec?.selector
        case 'ReplicationController':
          return matchLabels(replicationControllerSource.get(key)?.spec?.selector)
        default:
          return undefined
      }
    },
  }
}

function matchLabels(labels: Record<string, string> | undefined): LabelSelector | undefined {
  return labels === undefined ? undefined : { matchLabels: labels }
}
