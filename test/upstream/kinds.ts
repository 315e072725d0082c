import { crdOf } from '#testing'
import type { Exchange } from './exchange.ts'
import type { Servers } from './servers.ts'

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        color: { type: 'string' },
        items: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
      },
    },
    status: {
      type: 'object',
      properties: { replicas: { type: 'integer' }, selector: { type: 'string' }, phase: { type: 'string' } },
    },
  },
} as const

const scale = {
  specReplicasPath: '.spec.replicas',
  statusReplicasPath: '.status.replicas',
  labelSelectorPath: '.status.selector',
}

/** Widgets have a namespace, a status, a scale and columns; gadgets have none of these. */
export const DEFINITIONS = [
  crdOf({
    names: { plural: 'widgets', singular: 'widget', shortNames: ['wd'], categories: ['all'] },
    schema,
    versions: [
      {
        name: 'v1',
        subresources: { status: {}, scale },
        additionalPrinterColumns: [
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', description: 'How many.' },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
        selectableFields: [{ jsonPath: '.spec.color' }],
      },
      {
        name: 'v1beta1',
        subresources: { status: {}, scale },
        deprecated: true,
        schema: { openAPIV3Schema: { ...schema, description: 'Older.' } },
      },
    ],
  }),
  crdOf({ kind: 'Gadget', scope: 'Cluster', schema, versions: [{ name: 'v1' }] }),
]

export const NAMESPACES = ['a', 'b']
export const WIDGETS = '/apis/example.com/v1/namespaces/a/widgets'
export const GADGETS = '/apis/example.com/v1/gadgets'

export const widget = (name: string, more: object = {}, metadata: object = {}): object => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name, ...metadata },
  spec: { replicas: 1 },
  ...more,
})

export const gadget = (name: string, more: object = {}, metadata: object = {}): object => ({
  ...widget(name, more, metadata),
  kind: 'Gadget',
})

/** The same definitions on both, in use, and namespaces on ours, from which both know them. */
export async function installKinds(exchange: Exchange, servers: Servers): Promise<void> {
  for (const name of NAMESPACES)
    await exchange.ask(servers.ours, { method: 'POST', target: '/api/v1/namespaces', body: { metadata: { name } } })
  for (const body of DEFINITIONS)
    await exchange.toBoth({ method: 'POST', target: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body })
  for (const target of [WIDGETS, GADGETS, '/apis/example.com/v1beta1/widgets'])
    await exchange.untilBoth({ target }, ({ status }) => status === 200)
}
