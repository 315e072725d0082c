import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { APIService } from '../generated/types.ts'
import { invalidValue, required, within } from '../validation/findings.ts'
import { pathSegmentName } from '../validation/names.ts'

/** What an API server says of groups that it serves itself. */
export const LOCAL_SERVICE = {
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
} as const

export const apiServices = defineResource<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  scope: 'Cluster',
  names: { plural: 'apiservices', categories: ['api-extensions'] },
  subresources: { status: true },
  unconditionalUpdate: false,
  // `v1.` is the core group's.
  validateName: pathSegmentName,
  default({ spec }) {
    if (spec?.service) spec.service.port ??= 443
  },
  prepareForCreate(draft) {
    if (draft.spec?.service !== undefined) return
    const lastTransitionTime = draft.metadata?.creationTimestamp ?? ''
    draft.status = { conditions: [{ ...LOCAL_SERVICE, type: 'Available', lastTransitionTime }] }
  },
  columns: [
    name,
    text('Service', ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local')),
    text('Available', ({ status }) => {
      const available = status?.conditions?.find(({ type }) => type === 'Available')
      if (available === undefined) return 'Unknown'
      return available.status === 'True' || !available.reason ? available.status : `${available.status} (${available.reason})`
    }),
    age,
  ],
  *validate({ metadata, spec }) {
    const expected = `${spec?.version ?? ''}.${spec?.group ?? ''}`
    if (metadata?.name !== expected) {
      yield invalidValue(
        'metadata.name',
        metadata?.name ?? '',
        `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`,
      )
    }
    if (!spec?.version) yield required('spec.version')
    yield* within(spec?.groupPriorityMinimum, 1, 20_000, 'spec.groupPriorityMinimum')
    yield* within(spec?.versionPriority, 1, 1000, 'spec.versionPriority')
    if (spec?.service && !spec.service.namespace) yield required('spec.service.namespace')
    if (spec?.service && !spec.service.name) yield required('spec.service.name')
  },
  schema: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
})
