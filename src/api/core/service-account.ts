import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ServiceAccount } from '../generated/types.ts'

export const serviceAccounts = defineResource<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  scope: 'Namespaced',
  names: { plural: 'serviceaccounts', shortNames: ['sa'] },
  returnsDeleted: true,
  subresources: { others: { token: { kind: 'TokenRequest', group: 'authentication.k8s.io', verbs: ['create'] } } },
  columns: [name, text('Secrets', ({ secrets }) => secrets?.length ?? 0), age],
  schema: 'io.k8s.api.core.v1.ServiceAccount',
})
