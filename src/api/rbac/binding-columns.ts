import type { KubernetesObject } from '#meta'
import { age, name, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { RoleRef, Subject } from '../generated/types.ts'

type Binding = KubernetesObject & { roleRef: RoleRef; subjects?: Subject[] }

export function bindingColumns(kind: 'RoleBinding' | 'ClusterRoleBinding'): readonly Column<Binding>[] {
  const where = `${kind.charAt(0).toLowerCase()}${kind.slice(1)}`
  return [
    name,
    text('Role', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`, `rbac.v1.${kind}#roleRef`),
    age,
    wide('Users', (binding) => namesOf(binding, 'User'), `Users in the ${where}`),
    wide('Groups', (binding) => namesOf(binding, 'Group'), `Groups in the ${where}`),
    wide('ServiceAccounts', (binding) => namesOf(binding, 'ServiceAccount'), `ServiceAccounts in the ${where}`),
  ]
}

const namesOf = ({ subjects }: Binding, kind: string): string =>
  (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) =>
      kind === 'ServiceAccount' ? [...(subject.namespace ? [subject.namespace] : []), subject.name].join('/') : subject.name,
    )
    .join(', ')
