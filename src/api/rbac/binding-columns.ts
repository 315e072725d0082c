import type { KubernetesObject } from '#meta'
import { age, name, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { RoleRef, Subject } from '../generated/types.ts'

type Binding = KubernetesObject & { roleRef: RoleRef; subjects?: Subject[] }

export const bindingColumns: readonly Column<Binding>[] = [
  name,
  text('Role', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  age,
  wide('Users', (binding) => namesOf(binding, 'User')),
  wide('Groups', (binding) => namesOf(binding, 'Group')),
  wide('ServiceAccounts', (binding) => namesOf(binding, 'ServiceAccount')),
]

const namesOf = ({ subjects }: Binding, kind: string): string =>
  (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map((subject) => (kind === 'ServiceAccount' ? `${subject.namespace ?? ''}/${subject.name}` : subject.name))
    .join(', ')
