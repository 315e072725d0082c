import { age, name } from '../columns.ts'
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
  prepareForCreate: keepNames,
  prepareForUpdate: keepNames,
  warnings({ metadata }, old, warnings) {
    if (metadata?.annotations?.[ENFORCE] === undefined || old?.metadata?.annotations?.[ENFORCE] !== undefined) return
    warnings.push(
      `metadata.annotations[${ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
    )
  },
  columns: [name, age],
  schema: 'io.k8s.api.core.v1.ServiceAccount',
})

const ENFORCE = 'kubernetes.io/enforce-mountable-secrets'

/** Of a reference to a Secret nothing but the name is kept. */
function keepNames(draft: ServiceAccount): void {
  if (draft.secrets) draft.secrets = draft.secrets.map(({ name }) => (name === undefined ? {} : { name }))
}
