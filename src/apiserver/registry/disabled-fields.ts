import {
  type CronJob,
  cronJobs,
  daemonSets,
  deployments,
  type Job,
  jobs,
  type Pod,
  type PodSpec,
  type PodTemplate,
  pods,
  podTemplates,
  type ResourceDefinition,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '#api'
import type { FeatureGates } from '#base'
import type { KubernetesObject } from '#meta'

/** Takes fields of features that are off out of a draft, unless the object has them already. */
export type DropDisabled = (resource: ResourceDefinition, draft: KubernetesObject, old: KubernetesObject | undefined) => void

const templateOf = (object: KubernetesObject): PodSpec | undefined => (object as Job).spec?.template?.spec

const SPECS: ReadonlyMap<unknown, (object: KubernetesObject) => PodSpec | undefined> = new Map<
  unknown,
  (object: KubernetesObject) => PodSpec | undefined
>([
  [pods, (object) => (object as Pod).spec],
  [podTemplates, (object) => (object as PodTemplate).template?.spec],
  [cronJobs, (object) => (object as CronJob).spec?.jobTemplate.spec?.template.spec],
  ...[daemonSets, deployments, jobs, replicaSets, replicationControllers, statefulSets].map(
    (resource) => [resource, templateOf] as const,
  ),
])

/** Undefined when everything is on. */
export function fieldsOff(features: FeatureGates): DropDisabled | undefined {
  if (features.isOn('ClusterTrustBundleProjection')) return undefined
  return (resource, draft, old) => {
    const specOf = SPECS.get(resource)
    const spec = specOf?.(draft)
    if (spec === undefined || !projectsBundles(spec) || (old !== undefined && projectsBundles(specOf!(old)))) return
    for (const { projected } of spec.volumes ?? [])
      for (const source of projected?.sources ?? []) delete source.clusterTrustBundle
  }
}

const projectsBundles = (spec: PodSpec | undefined): boolean =>
  spec?.volumes?.some(({ projected }) => projected?.sources?.some((source) => source.clusterTrustBundle !== undefined)) ?? false
