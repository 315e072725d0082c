import { type KubernetesObject, parseApiVersion } from '#meta'
import { toV2 } from '../autoscaling/v1-form.ts'
import { toCoreEvent } from '../events/core-form.ts'
import type { EventsEvent, HorizontalPodAutoscalerV1 } from '../generated/types.ts'
import { signingRequest } from './certificates.ts'
import { customResourceDefinition } from './custom-resource-definition.ts'
import { budget } from './disruption-budget.ts'
import { endpointSlice } from './endpoint-slice.ts'
import { ingress } from './ingress.ts'
import { levelOfAssuredShares, levelOfShares } from './priority-level.ts'
import { binding } from './rbac.ts'
import { claim, claimTemplate, slice } from './resources.ts'
import { runtimeClass } from './runtime-class.ts'
import { unchanged } from './unchanged.ts'
import { webhooks } from './webhooks.ts'
import { daemonSet, deployment } from './workloads.ts'

/** Makes of an object of an older version, which it may change, one of the version that is stored now, all but for its apiVersion. */
export type Upgrade = (object: KubernetesObject) => KubernetesObject

const kinds = (names: string, upgrade: Upgrade = unchanged): Readonly<Record<string, Upgrade>> =>
  Object.fromEntries(names.split(' ').map((kind) => [kind, upgrade]))

const POLICIES = kinds(
  'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding',
)
const ROLES = kinds('ClusterRole Role')

/**
 * Versions that a kind was stored in once, which a release of today still reads: nobody has to have written the objects anew since. These are the versions of
 * Kubernetes 1.36's scheme that are no longer the stored ones; what was dropped from it (autoscaling/v2beta2, resource.k8s.io/v1alpha2) nobody can read.
 */
const OLDER: Readonly<Record<string, Readonly<Record<string, Upgrade>>>> = {
  'admissionregistration.k8s.io/v1alpha1': POLICIES,
  'admissionregistration.k8s.io/v1beta1': {
    ...POLICIES,
    ...kinds('MutatingWebhookConfiguration ValidatingWebhookConfiguration', webhooks),
  },
  'apiextensions.k8s.io/v1beta1': { CustomResourceDefinition: customResourceDefinition },
  'apiregistration.k8s.io/v1beta1': kinds('APIService'),
  'apps/v1beta1': { ...kinds('ControllerRevision StatefulSet'), Deployment: deployment },
  'apps/v1beta2': kinds('ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet'),
  'autoscaling/v1': { HorizontalPodAutoscaler: (object) => toV2(object as HorizontalPodAutoscalerV1) },
  'batch/v1beta1': kinds('CronJob'),
  'certificates.k8s.io/v1alpha1': kinds('ClusterTrustBundle'),
  'certificates.k8s.io/v1beta1': { CertificateSigningRequest: signingRequest },
  'coordination.k8s.io/v1beta1': kinds('Lease'),
  'discovery.k8s.io/v1beta1': { EndpointSlice: endpointSlice },
  'events.k8s.io/v1': { Event: (object) => toCoreEvent(object as EventsEvent) },
  'events.k8s.io/v1beta1': { Event: (object) => toCoreEvent(object as EventsEvent) },
  'extensions/v1beta1': {
    ...kinds('NetworkPolicy ReplicaSet'),
    DaemonSet: daemonSet,
    Deployment: deployment,
    Ingress: ingress,
  },
  'flowcontrol.apiserver.k8s.io/v1beta1': { ...kinds('FlowSchema'), PriorityLevelConfiguration: levelOfAssuredShares },
  'flowcontrol.apiserver.k8s.io/v1beta2': { ...kinds('FlowSchema'), PriorityLevelConfiguration: levelOfAssuredShares },
  'flowcontrol.apiserver.k8s.io/v1beta3': { ...kinds('FlowSchema'), PriorityLevelConfiguration: levelOfShares },
  'networking.k8s.io/v1beta1': { ...kinds('IngressClass IPAddress ServiceCIDR'), Ingress: ingress },
  'node.k8s.io/v1alpha1': { RuntimeClass: runtimeClass },
  'node.k8s.io/v1beta1': kinds('RuntimeClass'),
  'policy/v1beta1': { PodDisruptionBudget: budget },
  'rbac.authorization.k8s.io/v1alpha1': { ...ROLES, ...kinds('ClusterRoleBinding RoleBinding', binding) },
  'rbac.authorization.k8s.io/v1beta1': { ...ROLES, ...kinds('ClusterRoleBinding RoleBinding') },
  'resource.k8s.io/v1beta1': {
    ...kinds('DeviceClass'),
    ResourceClaim: claim,
    ResourceClaimTemplate: claimTemplate,
    ResourceSlice: slice,
  },
  'resource.k8s.io/v1beta2': kinds('DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice'),
  'scheduling.k8s.io/v1beta1': kinds('PriorityClass'),
  'storage.k8s.io/v1alpha1': kinds('CSIStorageCapacity VolumeAttachment VolumeAttributesClass'),
  'storage.k8s.io/v1beta1': kinds('CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass'),
}

/** Of an object as it was stored: how it comes to be of the stored version of today; undefined for a version that is not known. */
export function upgradeOf({ apiVersion = '', kind = '' }: KubernetesObject): Upgrade | undefined {
  const known = Object.hasOwn(OLDER, apiVersion) ? OLDER[apiVersion]! : undefined
  return known !== undefined && Object.hasOwn(known, kind) ? known[kind] : undefined
}

/** What upstream says of a version that it does not know. */
export const notRegistered = ({ apiVersion = '', kind = '' }: KubernetesObject): string => {
  const { group, version } = parseApiVersion(apiVersion)
  const shown = group === '' ? version : `${group}/${version}`
  return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(shown)} in scheme "pkg/api/legacyscheme/scheme.go:30"`
}

/** Every version and kind that can be read and is not stored any more. */
export const olderVersions: readonly (readonly [apiVersion: string, kind: string])[] = Object.entries(OLDER).flatMap(
  ([apiVersion, upgrades]) => Object.keys(upgrades).map((kind) => [apiVersion, kind] as const),
)
