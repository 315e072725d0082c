import { setOwn } from '#base'
import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Secret } from '../generated/types.ts'
import { secretWarnings } from './secret-warnings.ts'
import { validateSecret, validateSecretUpdate } from './validate-data.ts'

export const secrets = defineResource<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  scope: 'Namespaced',
  names: { plural: 'secrets' },
  selectableFields: { type: ({ type }) => type ?? '' },
  default(draft) {
    draft.type ||= 'Opaque'
    if (draft.stringData === undefined) return
    // Write-only: what is stored and served is `data`.
    for (const [key, text] of Object.entries(draft.stringData)) {
      setOwn((draft.data ??= {}), key, Buffer.from(text).toString('base64'))
    }
    delete draft.stringData
  },
  columns: [
    name,
    text('Type', ({ type }) => type, 'core.v1.Secret#type'),
    text('Data', ({ data }) => Object.keys(data ?? {}).length, 'core.v1.Secret#data'),
    age,
  ],
  validate: validateSecret,
  ratchets: true,
  validateUpdate: validateSecretUpdate,
  warnings: (secret, _old, warnings) => secretWarnings(secret, warnings),
  schema: 'io.k8s.api.core.v1.Secret',
})
