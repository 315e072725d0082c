import { age, NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { IngressClass, IngressClassParametersReference } from '../generated/types.ts'
import { domainPrefixedPath, immutable } from '../validation/common.ts'
import { complaints, type Findings, forbid, required, tooLong, unsupported } from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'
import { localReference } from './validate-ingress.ts'

export const ingressClasses = defineResource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  scope: 'Cluster',
  names: { plural: 'ingressclasses' },
  generation: true,
  default({ spec }) {
    if (spec?.parameters) spec.parameters.scope ||= 'Cluster'
  },
  columns: [
    name,
    text('Controller', ({ spec }) => spec?.controller, 'Controller that is responsible for handling this class'),
    text(
      'Parameters',
      ({ spec }) => {
        const parameters = spec?.parameters
        if (parameters === undefined) return NONE
        return `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`
      },
      'A reference to a resource with additional parameters',
    ),
    age,
  ],
  validate: validateIngressClass,
  validateUpdate(ingressClass, { spec: old }, found) {
    immutable(ingressClass.spec?.controller, old?.controller, 'spec.controller', found)
    validateIngressClass(ingressClass, found)
  },
  ratchets: true,
  schema: 'io.k8s.api.networking.v1.IngressClass',
})

const CONTROLLER_LENGTH_MAX = 250
const SCOPES = ['Cluster', 'Namespace']

function validateIngressClass({ spec }: IngressClass, found: Findings): void {
  const { controller = '', parameters } = spec ?? {}
  if (Buffer.byteLength(controller) > CONTROLLER_LENGTH_MAX) found.push(tooLong('spec.controller', CONTROLLER_LENGTH_MAX))
  domainPrefixedPath(controller, 'spec.controller', found)
  if (parameters) validateParameters(parameters, 'spec.parameters', found)
}

function validateParameters(parameters: IngressClassParametersReference, field: string, found: Findings): void {
  const { scope, namespace } = parameters
  localReference(parameters, field, found)
  if (!scope) found.push(required(`${field}.scope`))
  else if (!SCOPES.includes(scope)) found.push(unsupported(`${field}.scope`, scope, SCOPES))
  else if (scope === 'Cluster') {
    if (namespace !== undefined) found.push(forbid(`${field}.namespace`, "`parameters.scope` is set to 'Cluster'"))
  } else if (namespace === undefined) found.push(required(`${field}.namespace`, "`parameters.scope` is set to 'Namespace'"))
  else complaints(dnsLabel(namespace), namespace, `${field}.namespace`, found)
}
