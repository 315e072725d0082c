/**
 * Creates, updates, patches and deletes of custom objects, asked of both in this order, so that each finds what those before it made. What is kept: a revision that
 * is no number is a conflict, and one of what is created a mistake (upstream has internal errors); the key in the message of a UID that does not match is of each server's own prefix.
 * What a body that can't be decoded is told, and who manages which field, are other tests'.
 */
import { GADGETS, gadget, WIDGETS, widget } from './kinds.ts'
import { labOf } from './lab.ts'

const PROBE = { 'user-agent': 'probe/1' }
const lab = labOf()

const post = (body: unknown, target = WIDGETS): void => lab.same({ method: 'POST', target, headers: PROBE, body })
const put = (body: unknown, target = `${WIDGETS}/w1`): void => lab.same({ method: 'PUT', target, headers: PROBE, body })
const merge = (body: unknown, target: string): void =>
  lab.same({ method: 'PATCH', target, body, headers: { ...PROBE, 'content-type': 'application/merge-patch+json' } })
const remove = (target: string, body?: unknown): void =>
  lab.same({ method: 'DELETE', target, headers: PROBE, ...(body !== undefined && { body }) })
const get = (target: string): void => lab.same({ target, headers: PROBE })

for (const name of ['w1', 'w2', 'w3']) post(widget(name, {}, { labels: { n: name } }))
post(widget('w1'))
post(widget('A_b'))
post(widget('x', {}, { namespace: 'b' }))
post(widget('x', {}, { labels: { 'a b': 'c' } }))
post(widget('other'), `${WIDGETS}/name-in-path`)
post(widget('nons'), '/apis/example.com/v1/namespaces/nope/widgets')
post(widget('dry', { extra: 1 }), `${WIDGETS}?dryRun=All`)
for (const query of [
  'dryRun=x',
  'dryRun=',
  'fieldValidation=x',
  'fieldValidation=Strict',
  `fieldManager=${'x'.repeat(129)}`,
  'fieldManager=a%0Ab',
])
  post(widget('dry', { extra: 1 }), `${WIDGETS}?${query}`)
post(gadget('g1'), GADGETS)

put(widget('w2'))
put(widget('w1', {}, { namespace: 'b' }))
put(widget('w1', {}, { resourceVersion: '1' }))
put(widget('w1'))
put(widget('none'), `${WIDGETS}/none`)
put({ apiVersion: 'example.com/v1', kind: 'Widget' })
put(widget('w1'), WIDGETS)
const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'w1', namespace: 'a' }, spec: { replicas: 3 } }
put({ ...scale, metadata: { ...scale.metadata, resourceVersion: '1' } }, `${WIDGETS}/w1/scale`)
put(scale, `${WIDGETS}/nope/scale`)

const BODIES = [
  ...['{}', 'null', '{"kind":"DeleteOptions","apiVersion":"v1"}', '{"kind":"DeleteOptions","apiVersion":"nope/v1"}'],
  ...[
    '{"kind":"Widget","apiVersion":"example.com/v1"}',
    '{"kind":"Pod","apiVersion":"v1"}',
    '{"kind":"Status","apiVersion":"v1"}',
  ],
  ...[
    '{"gracePeriodSeconds":"x"}',
    '{"propagationPolicy":"x"}',
    '{"orphanDependents":"x"}',
    '{"dryRun":["x"]}',
    '{"dryRun":["All"]}',
    '{"unknown":1}',
  ],
  ...['{"preconditions":{"uid":"x"}}', '{"propagationPolicy":"Orphan","orphanDependents":true}'],
]
for (const body of BODIES) remove(`${WIDGETS}/nope`, body)
for (const options of [
  { preconditions: { uid: 'x' } },
  { preconditions: { resourceVersion: '1' } },
  { propagationPolicy: 'Orphan' },
  {},
])
  remove(`${WIDGETS}/w2`, { ...options, dryRun: ['All'] })
remove(`${WIDGETS}/w3?dryRun=All&propagationPolicy=x`, {})
get(`${WIDGETS}/w3`)

post(widget('f1', {}, { finalizers: ['a/b'] }))
for (const query of ['', '?orphanDependents=false', '?propagationPolicy=Foreground']) remove(`${WIDGETS}/f1${query}`)
post(widget('f1'))
merge({ metadata: { deletionTimestamp: null } }, `${WIDGETS}/f1`)
merge({ spec: { replicas: 5 } }, `${WIDGETS}/f1`)
merge({ metadata: { name: 'zz' } }, `${WIDGETS}/f1`)
merge({ metadata: { namespace: 'zz' } }, `${WIDGETS}/f1`)
merge({ metadata: { name: null } }, `${WIDGETS}/f1`)
merge({ metadata: { finalizers: null } }, `${WIDGETS}/f1`)
get(`${WIDGETS}/f1`)
post(widget('f2'))
remove(`${WIDGETS}/f2?propagationPolicy=Foreground`)
remove(`${WIDGETS}/f2?propagationPolicy=Background`)
get(`${WIDGETS}/f2`)
remove(`${WIDGETS}?labelSelector=n`)
remove(GADGETS)
get(GADGETS)
