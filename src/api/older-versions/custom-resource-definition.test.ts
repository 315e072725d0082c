import assert from 'node:assert/strict'
import test from 'node:test'
import type { CustomResourceDefinition } from '../generated/types.ts'
import { customResourceDefinition, writeDefinition } from './custom-resource-definition.ts'

const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } }
const other = { openAPIV3Schema: { type: 'object' } }
const columns = [{ name: 'Spec', type: 'string', jsonPath: '.spec' }]
const oldColumns = [{ name: 'Spec', type: 'string', JSONPath: '.spec' }]
const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' }
const v1 = { name: 'v1', served: true, storage: true }
const v2 = { name: 'v2', served: true, storage: false }
const base = { group: 'example.com', names, scope: 'Namespaced' }
const selectableFields = [{ jsonPath: '.spec' }]

const definition = (spec: object): CustomResourceDefinition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: { ...base, ...spec } as CustomResourceDefinition['spec'],
})

const written = (spec: object): unknown => (writeDefinition(definition(spec)) as CustomResourceDefinition).spec

test('what all versions have in common is written once', () => {
  const parts = { subresources: { status: {} }, additionalPrinterColumns: columns, selectableFields }
  assert.deepEqual(
    written({
      versions: [
        { ...v1, schema, ...parts },
        { ...v2, schema, ...parts },
      ],
    }),
    {
      ...base,
      version: 'v1',
      validation: schema,
      subresources: { status: {} },
      additionalPrinterColumns: oldColumns,
      selectableFields,
      versions: [v1, v2],
      preserveUnknownFields: false,
    },
  )
})

test('what differs stays with its version, and so do fields to select by where schemas differ', () => {
  assert.deepEqual(
    written({
      versions: [
        { ...v1, schema, selectableFields, additionalPrinterColumns: columns },
        { ...v2, schema: other, selectableFields },
      ],
    }),
    {
      ...base,
      version: 'v1',
      versions: [
        { ...v1, schema, selectableFields, additionalPrinterColumns: oldColumns },
        { ...v2, schema: other, selectableFields },
      ],
      preserveUnknownFields: false,
    },
  )
})

const CONVERSION = {
  strategy: 'Webhook',
  webhook: { clientConfig: { url: 'https://convert' }, conversionReviewVersions: ['v1', 'v1beta1'] },
}

for (const [title, spec] of Object.entries({
  'one version': { versions: [{ ...v1, schema, subresources: { status: {} }, additionalPrinterColumns: columns }] },
  'versions of one schema': {
    versions: [
      { ...v1, schema, selectableFields },
      { ...v2, schema, selectableFields },
    ],
  },
  'versions of their own': {
    versions: [
      { ...v1, schema, additionalPrinterColumns: columns },
      { ...v2, schema: other, subresources: { status: {} } },
    ],
    conversion: CONVERSION,
  },
  'unknown fields kept': { preserveUnknownFields: true, versions: [v1], conversion: { strategy: 'None' } },
})) {
  test(`a definition is read as it was written: ${title}`, () => {
    const wanted = definition({ preserveUnknownFields: false, ...spec })
    assert.deepEqual(customResourceDefinition(writeDefinition(definition(spec))), wanted)
  })
}

test('a definition of the first days has one version and no versions', () => {
  const spec = { ...base, version: 'v1', validation: schema, additionalPrinterColumns: oldColumns }
  const { spec: made } = customResourceDefinition({ spec } as object) as CustomResourceDefinition
  assert.deepEqual(made, {
    ...base,
    preserveUnknownFields: true,
    versions: [{ ...v1, schema, additionalPrinterColumns: columns }],
  })
  const webhook = { strategy: 'Webhook', webhookClientConfig: { url: 'https://x' } }
  const converted = customResourceDefinition({ spec: { ...spec, conversion: webhook } } as object) as CustomResourceDefinition
  assert.deepEqual(converted.spec.conversion, {
    strategy: 'Webhook',
    webhook: { clientConfig: { url: 'https://x' }, conversionReviewVersions: ['v1beta1'] },
  })
})
