import type { KubernetesObject } from '#meta'
import { mutatingAdmissionPolicies } from './admissionregistration/mutating-admission-policy.ts'
import { mutatingAdmissionPolicyBindings } from './admissionregistration/mutating-admission-policy-binding.ts'
import { mutatingWebhookConfigurations } from './admissionregistration/mutating-webhook-configuration.ts'
import { validatingAdmissionPolicies } from './admissionregistration/validating-admission-policy.ts'
import { validatingAdmissionPolicyBindings } from './admissionregistration/validating-admission-policy-binding.ts'
import { validatingWebhookConfigurations } from './admissionregistration/validating-webhook-configuration.ts'
import { customResourceDefinitions } from './apiextensions/custom-resource-definition.ts'
import { apiServices } from './apiregistration/api-service.ts'
import { controllerRevisions } from './apps/controller-revision.ts'
import { daemonSets } from './apps/daemon-set.ts'
import { deployments } from './apps/deployment.ts'
import { replicaSets } from './apps/replica-set.ts'
import { statefulSets } from './apps/stateful-set.ts'
import { selfSubjectReviews } from './authentication/self-subject-review.ts'
import { tokenReviews } from './authentication/token-review.ts'
import { localSubjectAccessReviews } from './authorization/local-subject-access-review.ts'
import { selfSubjectAccessReviews } from './authorization/self-subject-access-review.ts'
import { selfSubjectRulesReviews } from './authorization/self-subject-rules-review.ts'
import { subjectAccessReviews } from './authorization/subject-access-review.ts'
import { horizontalPodAutoscalers } from './autoscaling/horizontal-pod-autoscaler.ts'
import { horizontalPodAutoscalersV1 } from './autoscaling/horizontal-pod-autoscaler-v1.ts'
import { cronJobs } from './batch/cron-job.ts'
import { jobs } from './batch/job.ts'
import { certificateSigningRequests } from './certificates/certificate-signing-request.ts'
import { clusterTrustBundles, clusterTrustBundlesV1alpha1 } from './certificates/cluster-trust-bundle.ts'
import { leases } from './coordination/lease.ts'
import { bindings } from './core/binding.ts'
import { componentStatuses } from './core/component-status.ts'
import { configMaps } from './core/config-map.ts'
import { endpoints } from './core/endpoints.ts'
import { events } from './core/event.ts'
import { limitRanges } from './core/limit-range.ts'
import { namespaces } from './core/namespace.ts'
import { nodes } from './core/node.ts'
import { persistentVolumes } from './core/persistent-volume.ts'
import { persistentVolumeClaims } from './core/persistent-volume-claim.ts'
import { pods } from './core/pod.ts'
import { podTemplates } from './core/pod-template.ts'
import { replicationControllers } from './core/replication-controller.ts'
import { resourceQuotas } from './core/resource-quota.ts'
import { secrets } from './core/secret.ts'
import { services } from './core/service.ts'
import { serviceAccounts } from './core/service-account.ts'
import type { ResourceDefinition } from './definition.ts'
import { endpointSlices } from './discovery/endpoint-slice.ts'
import { eventsEvents } from './events/event.ts'
import { flowSchemas } from './flowcontrol/flow-schema.ts'
import { priorityLevelConfigurations } from './flowcontrol/priority-level-configuration.ts'
import { ingresses } from './networking/ingress.ts'
import { ingressClasses } from './networking/ingress-class.ts'
import { ipAddresses } from './networking/ip-address.ts'
import { networkPolicies } from './networking/network-policy.ts'
import { serviceCIDRs } from './networking/service-cidr.ts'
import { runtimeClasses } from './node/runtime-class.ts'
import { podDisruptionBudgets } from './policy/pod-disruption-budget.ts'
import { clusterRoles } from './rbac/cluster-role.ts'
import { clusterRoleBindings } from './rbac/cluster-role-binding.ts'
import { roles } from './rbac/role.ts'
import { roleBindings } from './rbac/role-binding.ts'
import { deviceClasses } from './resource/device-class.ts'
import { resourceClaims } from './resource/resource-claim.ts'
import { resourceClaimTemplates } from './resource/resource-claim-template.ts'
import { resourceSlices } from './resource/resource-slice.ts'
import { priorityClasses } from './scheduling/priority-class.ts'
import { csiDrivers } from './storage/csi-driver.ts'
import { csiNodes } from './storage/csi-node.ts'
import { csiStorageCapacities } from './storage/csi-storage-capacity.ts'
import { storageClasses } from './storage/storage-class.ts'
import { volumeAttachments } from './storage/volume-attachment.ts'
import { volumeAttributesClasses } from './storage/volume-attributes-class.ts'

export { environmentOf as admissionEnvironment, type Scope as AdmissionScope } from './admissionregistration/environment.ts'
export {
  compileExpression,
  type ExpressionProblem,
  loadExpressions,
  RETURNS as EXPRESSION_RETURNS,
  variableType,
} from './admissionregistration/expressions.ts'
export { requestTypes } from './admissionregistration/request-types.ts'
export { approvalOf, isProtectedGroup } from './apiextensions/approval.ts'
export { type Convert, type Converted, customKinds } from './apiextensions/custom-kind.ts'
export { CUSTOM_RESOURCE_CLEANUP } from './apiextensions/custom-resource-definition.ts'
export { inKeyOrder } from './apiextensions/internal-form.ts'
export { areRulesLoaded, hasRules, loadRules } from './apiextensions/rules/load.ts'
export { goTypeOf } from './apiextensions/schema/nested.ts'
export { structuralProblems } from './apiextensions/validate-structural.ts'
export { LOCAL_SERVICE } from './apiregistration/api-service.ts'
export { TEMPLATE_GENERATION } from './apps/template-generation.ts'
export { scaleColumns } from './autoscaling/scale-columns.ts'
export { parseCron } from './batch/cron.ts'
export { nextCronTime } from './batch/cron-next.ts'
export { certificateRequestIdentity, type RequestedIdentity } from './certificates/certificate-request.ts'
export * from './certificates/kubelet-request.ts'
export { type PemBlock, pemBlocks } from './certificates/pem-blocks.ts'
export { certificateRequestPem } from './certificates/request-pem.ts'
export { age, ageOf, createdAt, humanDuration, name } from './columns.ts'
export * from './core/bootstrap-token.ts'
export { isExternallyAccessible } from './core/default-service.ts'
export * from './core/node-selector.ts'
export * from './core/pod-facts.ts'
export * from './core/pod-log-options.ts'
export { type ReferredKind, referencesOf } from './core/pod-references.ts'
export { resizedSpec } from './core/validate-resize.ts'
export { validateTolerations } from './core/validate-scheduling.ts'
export { validateClusterIPs } from './core/validate-service-addresses.ts'
export * from './define-resource.ts'
export * from './definition.ts'
export * from './flowcontrol/mandatory.ts'
export type * from './generated/types.ts'
export * from './networking/address-range.ts'
export { canonicalAddress } from './networking/netip.ts'
export { notRegistered, olderVersions, upgradeOf } from './older-versions/index.ts'
export * from './protobuf/index.ts'
export * from './quota/index.ts'
export * from './schemas.ts'
export { validateExternalIP } from './validation/addresses.ts'
export { domainPrefixedPath } from './validation/common.ts'
export * from './validation/findings.ts'
export * from './validation/metadata.ts'
export * from './validation/names.ts'

export {
  apiServices,
  bindings,
  certificateSigningRequests,
  clusterRoleBindings,
  clusterRoles,
  clusterTrustBundles,
  clusterTrustBundlesV1alpha1,
  componentStatuses,
  configMaps,
  controllerRevisions,
  cronJobs,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  customResourceDefinitions,
  daemonSets,
  deployments,
  deviceClasses,
  endpointSlices,
  endpoints,
  events,
  eventsEvents,
  flowSchemas,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  ingressClasses,
  ingresses,
  ipAddresses,
  jobs,
  leases,
  limitRanges,
  localSubjectAccessReviews,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  namespaces,
  networkPolicies,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  podTemplates,
  priorityClasses,
  priorityLevelConfigurations,
  replicaSets,
  replicationControllers,
  resourceClaims,
  resourceClaimTemplates,
  resourceQuotas,
  resourceSlices,
  roleBindings,
  roles,
  runtimeClasses,
  secrets,
  selfSubjectAccessReviews,
  selfSubjectReviews,
  selfSubjectRulesReviews,
  serviceAccounts,
  serviceCIDRs,
  services,
  statefulSets,
  storageClasses,
  subjectAccessReviews,
  tokenReviews,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  volumeAttachments,
  volumeAttributesClasses,
}

/** Every built-in kind, in discovery order of groups. A kind is served because it stands here. */
export const allResources = [
  bindings,
  componentStatuses,
  configMaps,
  endpoints,
  events,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  podTemplates,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  apiServices,
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  eventsEvents,
  selfSubjectReviews,
  tokenReviews,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  cronJobs,
  jobs,
  certificateSigningRequests,
  ingressClasses,
  ingresses,
  ipAddresses,
  networkPolicies,
  serviceCIDRs,
  podDisruptionBudgets,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  customResourceDefinitions,
  priorityClasses,
  leases,
  runtimeClasses,
  endpointSlices,
  deviceClasses,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
  flowSchemas,
  priorityLevelConfigurations,
] as unknown as readonly ResourceDefinition<KubernetesObject>[]

/** Kinds of alpha and beta versions, which are served where `--runtime-config` and the feature gate, if there is one, say so. */
export const resourcesOffByDefault = [
  { resource: clusterTrustBundles, gate: 'ClusterTrustBundle' },
  { resource: clusterTrustBundlesV1alpha1, gate: 'ClusterTrustBundle' },
] as unknown as readonly { readonly resource: ResourceDefinition<KubernetesObject>; readonly gate: string }[]
