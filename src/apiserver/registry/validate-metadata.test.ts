import assert from 'node:assert/strict'
import test from 'node:test'
import {
  configMaps,
  controllerRevisions,
  csiNodes,
  daemonSets,
  endpointSlices,
  events,
  leases,
  limitRanges,
  podDisruptionBudgets,
  podTemplates,
} from '#api'
import { type ObjectMeta, StatusError } from '#meta'
import { startTestApiServer } from '#testing'

const owner = (kind: string, name: string, more: object = {}): NonNullable<ObjectMeta['ownerReferences']>[number] => ({
  apiVersion: 'apps/v1',
  kind,
  name,
  uid: 'u',
  ...more,
})

async function refusal(call: Promise<unknown>): Promise<StatusError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StatusError, 'the write was accepted')
  return error
}

const causesOf = ({ status }: StatusError): string[] =>
  (status.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`)

test('metadata that makes no sense is told in upstream order', async () => {
  await using api = await startTestApiServer()
  const references = [
    owner('ReplicaSet', 'a', { controller: true }),
    owner('ReplicaSet', 'b', { controller: true }),
    owner('', '', { apiVersion: 'apps/' }),
  ]
  const metadata: ObjectMeta = {
    name: 'x',
    namespace: 'default',
    annotations: { 'a b': '1' },
    ownerReferences: references,
    finalizers: ['orphan', 'foregroundDeletion', 'mine', 'example.com/theirs'],
  }
  const refused = causesOf(await refusal(api.client.create(configMaps, { metadata })))
  assert.match(refused.shift()!, /^metadata.annotations: Invalid value: "a b": name part must consist of/)
  assert.deepEqual(refused, [
    `metadata.ownerReferences: Invalid value: ${JSON.stringify(references)}: Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/a and ReplicaSet/b`,
    'metadata.ownerReferences.apiVersion: Invalid value: "apps/": version must not be empty',
    'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
    'metadata.ownerReferences.name: Invalid value: "": must not be empty',
    'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion","mine","example.com/theirs"]: finalizer orphan and foregroundDeletion cannot be both set',
    'metadata.finalizers[2]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ])
  const event = { metadata: { name: 'y', namespace: 'default', ownerReferences: [owner('Event', 'e', { apiVersion: 'v1' })] } }
  assert.match(
    (await refusal(api.client.create(configMaps, event))).message,
    /\/v1, Kind=Event is disallowed from being an owner/,
  )
})

test('some kinds are only replaced by who has read them', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const lease = await client.create(leases, { metadata: { name: 'l', namespace: 'default' }, spec: { holderIdentity: 'a' } })
  const blind = await refusal(
    client.update(leases, { metadata: { name: 'l', namespace: 'default' }, spec: { holderIdentity: 'b' } }),
  )
  assert.equal(
    blind.message,
    'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  )
  assert.equal((await client.update(leases, { ...lease, spec: { holderIdentity: 'b' } })).spec?.holderIdentity, 'b')
  const none = await refusal(client.update(podDisruptionBudgets, { metadata: { name: 'none', namespace: 'default' } }))
  assert.equal(none.reason, 'NotFound')
  await client.create(configMaps, { metadata: { name: 'c', namespace: 'default' } })
  assert.deepEqual((await client.update(configMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: '1' } })).data, {
    a: '1',
  })
})

test("what a type always has is there if nobody sets it, and only a kind's own rules refuse that", async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const metadata = { name: 'x', namespace: 'default' }
  assert.deepEqual((await client.create(events, { metadata } as never)).involvedObject, {})
  assert.equal((await client.create(controllerRevisions, { metadata, data: {} } as never)).revision, 0)
  assert.deepEqual((await client.create(csiNodes, { metadata: { name: 'x' } } as never)).spec, { drivers: [] })
  assert.deepEqual((await client.create(limitRanges, { metadata, spec: {} } as never)).spec, { limits: [] })
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  assert.deepEqual(causesOf(await refusal(client.create(daemonSets, { metadata, spec: { template } } as never))), [
    'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
  ])
  // A zone may be unnamed, a node not.
  const hints = { forZones: [{}], forNodes: [{}] }
  const slice = { metadata, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], hints }] }
  const causes = causesOf(await refusal(client.create(endpointSlices, slice as never)))
  assert.deepEqual(
    causes.map((cause) => cause.split(':')[0]),
    ['endpoints[0].hints.forNodes[0].name'],
  )
  const volumes = [{ name: 'v', ephemeral: { volumeClaimTemplate: {} } }]
  const withVolume = { metadata, template: { ...template, spec: { ...template.spec, volumes } } }
  assert.deepEqual(causesOf(await refusal(client.create(podTemplates, withVolume as never))), [
    'template.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required',
    'template.spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value',
  ])
})

const QUALIFIED = "name part must consist of alphanumeric characters, '-', '_' or '.'"

test('what replaces metadata is looked at as new, as what replaces, and by the kind, and told of each time', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const made = await client.create(configMaps, { metadata: { name: 'c', namespace: 'default' }, data: { a: '1' } })
  const managedFields = [
    {
      manager: 'a\n',
      operation: 'Update',
      apiVersion: 'v1',
      subresource: 's'.repeat(257),
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} } },
    },
  ] as const
  const metadata = {
    ...made.metadata,
    generateName: 'a/%',
    labels: { 'a b': '1' },
    finalizers: ['a b'],
    managedFields: [...managedFields],
    deletionGracePeriodSeconds: 5,
  }
  const refused = causesOf(await refusal(client.update(configMaps, { ...made, metadata })))
  const shown = refused.map((cause) => cause.replace(/(the )?name part must consist.*/, QUALIFIED))
  const [label, finalizer] = [
    `metadata.labels: Invalid value: "a b": ${QUALIFIED}`,
    `metadata.finalizers: Invalid value: "a b": ${QUALIFIED}`,
  ]
  const managers = [
    'metadata.managedFields[0].manager: Invalid value: "a\\n": invalid character U+000A (at position 1)',
    'metadata.managedFields[0].subresource: Too long: may not be more than 256 bytes',
  ]
  const grace = 'metadata.deletionGracePeriodSeconds: Invalid value: 5: field is immutable'
  assert.deepEqual(shown, [
    `metadata.generateName: Invalid value: "a/%": may not contain '/'`,
    `metadata.generateName: Invalid value: "a/%": may not contain '%'`,
    ...[label, finalizer, ...managers],
    ...[grace, label, ...managers],
    ...[grace, label, ...managers],
    'metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully qualified',
  ])
})

test('who says when an object is to go is refused, unless it is going', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const metadata = { name: 'c', namespace: 'default', finalizers: ['example.com/wait'] }
  await client.create(configMaps, { metadata })
  const merge = (changed: object): Promise<unknown> =>
    client.patch(configMaps, 'default/c', { metadata: changed }, { type: 'merge' })
  const later = { deletionTimestamp: '2040-01-01T00:00:00Z' }
  assert.match(
    (await refusal(merge(later))).message,
    /: metadata.deletionTimestamp: Invalid value: "2040-01-01T00:00:00Z": field is immutable$/,
  )
  await client.delete(configMaps, 'default/c')
  await merge(later)
  assert.notEqual((await client.get(configMaps, 'default/c')).metadata?.deletionTimestamp, later.deletionTimestamp)
  const more = refusal(merge({ finalizers: ['example.com/wait', 'b.c/\u{1f600}', 'b.c/\uffff'] }))
  assert.match((await more).message, /found new finalizers \[\]string\{"b\.c\/\\uffff", "b\.c\/😀"\}/)
})

test('owners are shown as their type prints them, and a version may say that it has no group', async () => {
  await using api = await startTestApiServer()
  const ownerReferences = [{ uid: 'u<', name: 'e', kind: 'Event', apiVersion: '/v1' }, owner('A', 'a', { apiVersion: 'a/b/c' })]
  const error = await refusal(api.client.create(configMaps, { metadata: { name: 'x', namespace: 'default', ownerReferences } }))
  assert.deepEqual(causesOf(error), [
    'metadata.ownerReferences: Invalid value: {"apiVersion":"/v1","kind":"Event","name":"e","uid":"u\\u003c"}: /v1, Kind=Event is disallowed from being an owner',
    'metadata.ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be empty',
  ])
})

test('a name that cannot be printed is quoted', async () => {
  await using api = await startTestApiServer()
  const { message } = await refusal(api.client.create(configMaps, { metadata: { name: '\u00a0"', namespace: 'default' } }))
  assert.match(message, /^ConfigMap "\\u00a0\\"" is invalid: metadata.name: Invalid value: "\\u00a0\\"": /)
})
