/**
 * Writes that one does not come upon every day, asked of both in this order, so that each finds what those before it made. What is kept: a patch of a status that says that the
 * object is something else leaves its managers alone (upstream forgets them); a Scale that a patch made, and that is none, is shown without managers; what is no Scale at all is told
 * in a decoder's words (upstream tells of a scheme inside its source), as is a kind that upstream has no type of.
 */
import { GADGETS, WIDGETS, widget } from './kinds.ts'
import { labOf } from './lab.ts'

const PROBE = { 'user-agent': 'probe/1' }
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const lab = labOf()

const send = (method: string, target: string, body?: unknown, type = 'application/json'): void =>
  lab.same({ method, target, ...(body !== undefined && { body }), headers: { ...PROBE, 'content-type': type } })
const patch = (target: string, body: unknown, type = 'merge-patch+json'): void =>
  send('PATCH', target, body, `application/${type}`)
const apply = (target: string, body: unknown): void => patch(target, body, 'apply-patch+yaml')

// A patch of what is not there.
const PATCHES = [
  ...[
    '{',
    '[]',
    '{}',
    'null',
    '',
    '"x"',
    '1',
    '{"metadata":{"name":"other"}}',
    '{"metadata":1}',
    '{"kind":"Gadget"}',
    '{"apiVersion":"v9"}',
  ].map((body) => ['merge-patch+json', body]),
  ...[
    '{',
    '{}',
    '[]',
    '[{}]',
    '[{"op":"x"}]',
    '[{"op":"test","path":"/a","value":1}]',
    '[{"op":"remove","path":"x"}]',
    '[1]',
  ].map((body) => ['json-patch+json', body]),
  ...['{}', '{'].map((body) => ['strategic-merge-patch+json', body]),
  ...['{}', '{'].map((body) => ['json', body]),
] as const
for (const name of ['none', 'there']) {
  if (name === 'there') send('POST', WIDGETS, widget('there'))
  for (const [type = '', body = ''] of PATCHES) {
    patch(`${WIDGETS}/${name}?dryRun=All`, body, type)
    if (!/kind|apiVersion/.test(body)) patch(`${WIDGETS}/${name}/status?dryRun=All`, body, type)
  }
  for (const query of ['fieldValidation=x', 'force=true', 'fieldManager=a%0Ab', 'dryRun=x'])
    patch(`${WIDGETS}/${name}?${query}`, '{')
  patch(`${WIDGETS}/${name}/scale?dryRun=All`, '{')
  patch(`${WIDGETS}/${name}/scale?dryRun=All`, '{"spec":{"replicas":2}}')
}

// What a dry run says of revisions.
const dry = (target: string): string => `${target}?dryRun=All`
send('POST', dry(WIDGETS), widget('dry'))
send('PUT', dry(`${WIDGETS}/there`), widget('there', { spec: { replicas: 7 } }))
send('PUT', dry(`${WIDGETS}/there`), widget('there'))
send('PUT', dry(`${WIDGETS}/made`), widget('made'))
patch(dry(`${WIDGETS}/there`), { spec: { replicas: 8 } })
patch(dry(`${WIDGETS}/there`), {})
patch(dry(`${WIDGETS}/there/status`), { status: { phase: 'x' } })
send('PUT', dry(`${WIDGETS}/there/scale`), {
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: 'there' },
  spec: { replicas: 4 },
})
send('DELETE', dry(`${WIDGETS}/there`))
apply(`${WIDGETS}/there?dryRun=All&fieldManager=m`, widget('there', { spec: { color: 'red' } }))
apply(`${WIDGETS}/fresh?dryRun=All&fieldManager=m`, widget('fresh'))
send('POST', WIDGETS, widget('held', {}, { finalizers: ['a/b'] }))
send('DELETE', dry(`${WIDGETS}/held`))
send('DELETE', dry(`${WIDGETS}/there`), { propagationPolicy: 'Foreground' })

// Nulls that an apply says.
const applied = (name: string, more: object): void => apply(`${WIDGETS}/${name}?fieldManager=m`, widget(name, more))
for (const [at, more] of [
  { spec: null },
  { spec: { color: null } },
  { spec: { color: null, replicas: 1 } },
  { spec: { items: null } },
  { spec: { items: [null] } },
  { spec: { items: [{ name: null }] } },
  { status: null },
  { metadata: null },
  { metadata: { name: 'n7', labels: null } },
  { metadata: { name: 'n8', labels: { a: null } } },
  { metadata: { name: 'n9', annotations: null, finalizers: null } },
  { unknown: null },
].entries())
  for (let again = 0; again < 2; again++) applied(`n${at}`, more)

// Statuses where objects belong.
const STATUS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'no', reason: 'NotFound', code: 404 }
for (const body of [STATUS, { ...STATUS, apiVersion: 'example.com/v1' }, { kind: 'Status' }, { ...STATUS, metadata: { name: 'there' } }, { kind: 'List', apiVersion: 'v1', items: [] }, { kind: 'WidgetList', apiVersion: 'example.com/v1', items: [] }]) {
  send('POST', WIDGETS, body)
  send('PUT', `${WIDGETS}/there`, body)
  send('PUT', `${WIDGETS}/there/status`, body)
  apply(`${WIDGETS}/there?fieldManager=m`, body)
  patch(`${WIDGETS}/there`, body)
  if (body.kind === 'Status') send('POST', CRDS, body)
  send('DELETE', `${WIDGETS}/none`, body)
} // biome-ignore format: a list

// How many are left of a list.
for (const query of [
  'limit=1', 'limit=3', 'limit=100', 'limit=1&labelSelector=a', 'limit=1&labelSelector=!a', 'limit=1&fieldSelector=metadata.name!=x', 'limit=1&fieldSelector=metadata.namespace=a',
  'limit=1&fieldSelector=metadata.name=there', 'limit=1&fieldSelector=spec.color=', 'limit=1&resourceVersion=0', 'limit=1&labelSelector=', 'limit=1&fieldSelector=', 'limit=1&fieldSelector=metadata.name=n0',
]) {
  send('GET', `${WIDGETS}?${query}`)
  send('GET', `/apis/example.com/v1/widgets?${query}`)
  send('GET', `${GADGETS}?${query}`)
} // biome-ignore format: a list

// Collections that are deleted as they once were.
for (const query of ['resourceVersion=0', 'resourceVersion=0&resourceVersionMatch=NotOlderThan', 'resourceVersion=0&resourceVersionMatch=Exact', 'resourceVersion=9999999', 'resourceVersion=1&resourceVersionMatch=Exact', 'resourceVersionMatch=NotOlderThan', 'resourceVersion=x', 'limit=2', 'limit=1&resourceVersion=0', 'continue=x'])
  send('DELETE', `${WIDGETS}?dryRun=All&${query}`) // biome-ignore format: a list

// What a definition is answered with before anybody looked at it.
const crd = (plural: string, more: object = {}): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.org` },
  spec: {
    group: 'example.org',
    scope: 'Namespaced',
    names: { plural, kind: plural[0]!.toUpperCase() + plural.slice(1, -1), ...more },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
})
send('POST', dry(CRDS), crd('things'))
send('POST', CRDS, {
  ...crd('things'),
  status: {
    acceptedNames: { plural: 'x', kind: 'y' },
    storedVersions: ['v9'],
    conditions: [{ type: 'Established', status: 'True' }],
  },
})
send('POST', CRDS, crd('others', { shortNames: ['o'], categories: ['all'], singular: 'other', listKind: 'OtherList' }))
apply(`${CRDS}/applied.example.org?fieldManager=m`, crd('applieds'))
apply(`${CRDS}/applieds.example.org?fieldManager=m`, crd('applieds'))
