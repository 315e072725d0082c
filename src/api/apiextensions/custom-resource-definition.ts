import { createdAt, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../generated/types.ts'
import { writeDefinition } from '../older-versions/custom-resource-definition.ts'
import { formatWarnings } from './format-warnings.ts'
import { readCRD } from './read-crd.ts'
import { validateCRD, validateCRDStatus, validateCRDUpdate } from './validate-crd.ts'

/** Keeps a definition until its objects are gone. */
export const CUSTOM_RESOURCE_CLEANUP = 'customresourcecleanup.apiextensions.k8s.io'

const isTerminating = ({ type }: { readonly type: string }): boolean => type === 'Terminating'

export const customResourceDefinitions = defineResource<CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  scope: 'Cluster',
  names: { plural: 'customresourcedefinitions', shortNames: ['crd', 'crds'], categories: ['api-extensions'] },
  // Upstream's choice: what versions have in common is written once there.
  storedAs: { version: 'v1beta1', write: writeDefinition },
  subresources: { status: true },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as CustomResourceDefinitionSpec)
    if (spec.names?.kind) {
      spec.names.singular ||= spec.names.kind.toLowerCase()
      spec.names.listKind ||= `${spec.names.kind}List`
    }
    const conversion = (spec.conversion ??= { strategy: 'None' })
    if (conversion.webhook?.clientConfig?.service) conversion.webhook.clientConfig.service.port ??= 443
  },
  prepareForCreate(draft) {
    // The naming controller fills these in; the versions that were ever stored begin with today's.
    const stored = draft.spec?.versions?.find(({ storage }) => storage)?.name
    draft.status = {
      conditions: null as never,
      acceptedNames: { plural: '', kind: '' },
      ...(stored !== undefined && { storedVersions: [stored] }),
    }
  },
  prepareForUpdate(draft) {
    const stored = draft.spec?.versions?.find(({ storage }) => storage)?.name
    const status = (draft.status ??= {})
    const versions = status.storedVersions ?? []
    if (stored !== undefined && !versions.includes(stored)) status.storedVersions = [...versions, stored]
  },
  prepareForDelete(draft) {
    // A definition knows no grace, and that it goes is no new generation.
    const { deletionGracePeriodSeconds: grace, ...metadata } = draft.metadata ?? {}
    if (grace !== undefined && metadata.generation !== undefined) metadata.generation--
    draft.metadata = metadata
    // Its objects go first: the finalizing controller sees to that.
    if (metadata.finalizers?.includes(CUSTOM_RESOURCE_CLEANUP) || draft.status?.conditions?.some(isTerminating)) return
    draft.metadata = { ...metadata, finalizers: [...(metadata.finalizers ?? []), CUSTOM_RESOURCE_CLEANUP] }
    const condition = {
      type: 'Terminating',
      status: 'True',
      lastTransitionTime: metadata.deletionTimestamp ?? '',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    }
    draft.status = { ...draft.status, conditions: [...(draft.status?.conditions ?? []), condition] }
  },
  columns: [name, createdAt],
  conform: readCRD,
  unconditionalUpdate: false,
  ratchets: true,
  validate: validateCRD,
  validateUpdate: validateCRDUpdate,
  validateStatusUpdate: (crd, _old, found) => validateCRDStatus(crd, found),
  warnings: formatWarnings,
  schema: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
})
