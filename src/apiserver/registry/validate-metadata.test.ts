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
