import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources } from '#api'
import type { UserInfo } from '#client'
import { apiVersionOf } from '#meta'
import { ask, grant, ruleOf, startAdmissionTest, startTestApiServer } from '#testing'

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
const BOB: UserInfo = { username: 'bob', groups: ['system:authenticated'] }

/** Of upstream's strategies. */
const CREATED = [
  'coordination.k8s.io/v1 leases',
  'events.k8s.io/v1 events',
  'node.k8s.io/v1 runtimeclasses',
  'rbac.authorization.k8s.io/v1 clusterrolebindings',
  'rbac.authorization.k8s.io/v1 clusterroles',
  'rbac.authorization.k8s.io/v1 rolebindings',
  'rbac.authorization.k8s.io/v1 roles',
  'v1 endpoints',
  'v1 events',
  'v1 limitranges',
  'v1 services',
]

test('an update of what is not there is answered 404, but for the kinds that it creates', async () => {
  await using api = await startTestApiServer()
  const found: string[] = []
  for (const resource of allResources) {
    if (!resource.stored || !resource.verbs.includes('update')) continue
    const { group, version, names, scope } = resource
    const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
    const path = `${root}${scope === 'Namespaced' ? '/namespaces/default' : ''}/${names.plural}/none`
    const { code, object } = await ask(api, `PUT ${path}`, { body: { metadata: { name: 'none' } } })
    if (code !== 404) found.push(`${apiVersionOf(resource)} ${names.plural}`)
    else assert.equal(object.message, `${names.plural}${group === '' ? '' : `.${group}`} "none" not found`)
  }
  assert.deepEqual(found.sort(), CREATED)
})

test('an update creates, whatever version it was made from, and the next one updates', async () => {
  await using api = await startTestApiServer()
  const body = { metadata: { name: 'a', resourceVersion: '7' }, spec: { holderIdentity: 'x' } }
  const dry = await ask(api, `PUT ${LEASES}/a?dryRun=All`, { body })
  assert.deepEqual([dry.code, (await ask(api, `GET ${LEASES}/a`)).code], [201, 404])
  const made = await ask(api, `PUT ${LEASES}/a`, { body })
  assert.equal(made.code, 201)
  assert.ok(made.object.metadata.uid)
  assert.deepEqual((await ask(api, `PUT ${LEASES}/a`, { body: { ...body, metadata: made.object.metadata } })).code, 200)
  const service = { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } }
  const { code, object } = await ask(api, 'PUT /api/v1/namespaces/default/services/s', { body: service })
  assert.equal(code, 201)
  assert.match((object as unknown as { spec: { clusterIP: string } }).spec.clusterIP, /^10\./)
  // Its status is no way in.
  assert.equal((await ask(api, 'PUT /api/v1/namespaces/default/services/t/status', { body: service })).code, 400)
  const other = { ...service, metadata: { name: 't' } }
  assert.equal((await ask(api, 'PUT /api/v1/namespaces/default/services/t/status', { body: other })).code, 404)
})

test('an update of an object that is gone creates no other one', async () => {
  await using api = await startTestApiServer()
  const { code, object } = await ask(api, `PUT ${LEASES}/a`, { body: { metadata: { name: 'a', uid: 'u' } } })
  const why = 'Precondition failed: UID in precondition: u, UID in object meta: '
  const error = `StorageError: invalid object, Code: 4, Key: /registry/leases/default/a, ResourceVersion: 0, AdditionalErrorMsg: ${why}`
  assert.deepEqual([code, object.message], [409, `Operation cannot be fulfilled on leases.coordination.k8s.io "a": ${error}`])
})

test('whoever may only update creates nothing, and is told what is wrong first', async () => {
  await using api = await startAdmissionTest()
  await grant(api.client, 'bob', [ruleOf('coordination.k8s.io', 'leases', 'update')])
  const put = (spec: object): ReturnType<typeof ask> =>
    ask(api, `PUT ${LEASES}/a`, { user: BOB, body: { metadata: { name: 'a' }, spec } })
  assert.equal((await put({ leaseDurationSeconds: 0 })).code, 422)
  const refused = await put({})
  const who = 'User "bob" cannot create resource "leases" in API group "coordination.k8s.io" in the namespace "default"'
  assert.deepEqual([refused.code, refused.object.message], [403, `leases.coordination.k8s.io "a" is forbidden: ${who}`])
  await grant(api.client, 'bob', [ruleOf('coordination.k8s.io', 'leases', 'create')], { name: 'more' })
  assert.equal((await put({})).code, 201)
})
