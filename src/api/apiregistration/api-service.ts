import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { APIService } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, unsupported } from '../validation/findings.ts'
import { dns1035Label, pathSegmentName, subdomainName } from '../validation/names.ts'

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
    text(
      'Service',
      ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local'),
      'The reference to the service that hosts this API endpoint.',
    ),
    text(
      'Available',
      ({ status }) => {
        const available = status?.conditions?.find(({ type }) => type === 'Available')
        if (available === undefined) return 'Unknown'
        return available.status === 'True' || !available.reason ? available.status : `${available.status} (${available.reason})`
      },
      'Whether this service is available.',
    ),
    age,
  ],
  validate({ metadata, spec }, found) {
    const named = metadata?.name ?? ''
    const expected = `${spec?.version ?? ''}.${spec?.group ?? ''}`
    // A name that can't be in a path is told just that.
    if (named !== expected && [...pathSegmentName(named)].length === 0)
      found.push(invalidValue('metadata.name', named, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`))
    validateSpec(spec, found)
  },
  validateStatusUpdate({ status }, _old, found) {
    for (const [index, condition] of (status?.conditions ?? []).entries())
      if (!STATUSES.includes(condition.status))
        found.push(unsupported(`status.conditions[${index}].status`, condition.status ?? '', STATUSES))
  },
  schema: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
})

const STATUSES = ['True', 'False', 'Unknown']
const PRIORITIES = { groupPriorityMinimum: 20_000, versionPriority: 1000 } as const
const PORT_MAX = 65_535

/** Group and version become paths, so they are names; what is served here needs no trust in anybody else. */
function validateSpec(spec: APIService['spec'], found: Findings): void {
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify } = spec ?? {}
  if (group === '' && version !== 'v1')
    found.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'))
  if (group !== '') complaints(subdomainName(group), group, 'spec.group', found)
  complaints(dns1035Label(version), version, 'spec.version', found)
  for (const [field, max] of Object.entries(PRIORITIES)) {
    const priority = spec?.[field as keyof typeof PRIORITIES] ?? 0
    if (priority <= 0 || priority > max)
      found.push(invalidValue(`spec.${field}`, priority, `must be positive and less than ${max}`))
  }
  if (service === undefined) {
    if (caBundle)
      found.push(invalidValue('spec.caBundle', `${bytesOf(caBundle)} bytes`, 'local APIServices may not have a caBundle'))
    if (insecureSkipTLSVerify)
      found.push(invalidValue('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'))
    return
  }
  if (!service.namespace) found.push(required('spec.service.namespace'))
  if (!service.name) found.push(required('spec.service.name'))
  const { port = 0 } = service
  if (port < 1 || port > PORT_MAX)
    found.push(invalidValue('spec.service.port', port, `port is not valid: must be between 1 and ${PORT_MAX}, inclusive`))
  if (insecureSkipTLSVerify && caBundle)
    found.push(invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'))
}

const bytesOf = (base64: string): number => Buffer.from(base64, 'base64').length
