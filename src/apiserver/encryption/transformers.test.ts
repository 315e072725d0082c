import assert from 'node:assert/strict'
import { createDecipheriv, createHmac } from 'node:crypto'
import test from 'node:test'
import { nullLog, systemRandom, VirtualClock } from '#base'
import { extendedNonceGcm } from './ciphers.ts'
import { parseEncryptionConfiguration } from './configuration.ts'
import { groupResourceOf, ownerOfKey } from './group-resource.ts'
import { EncryptionMetrics } from './metrics.ts'
import type { Transformer } from './transformer.ts'
import { Transformers } from './transformers.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')
const OTHER = Buffer.alloc(32, 9).toString('base64')
const PATH = '/registry/secrets/default/one'
const VALUE = Buffer.from('{"kind":"Secret"}')

const clock = new VirtualClock()
const metrics = new EncryptionMetrics(clock, 'me')

async function open(resources: unknown): Promise<Transformers> {
  const file = Buffer.from(
    JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources }),
  )
  const configuration = await parseEncryptionConfiguration(file, 'e.yaml', false)
  return Transformers.open(configuration, { clock, random: systemRandom, log: nullLog, metrics })
}

async function forSecrets(...providers: unknown[]): Promise<Transformer> {
  const transformers = await open([{ resources: ['secrets'], providers }])
  return transformers.of({ group: '', resource: 'secrets' })!
}

const keys = (...named: (readonly [string, string])[]) => ({ keys: named.map(([name, secret]) => ({ name, secret })) })
const one = keys(['key1', KEY])

for (const [name, provider] of [
  ['aescbc', { aescbc: one }],
  ['aesgcm', { aesgcm: one }],
  ['secretbox', { secretbox: one }],
] as const) {
  test(`${name} writes a value with its prefix and key's name, differently each time, and reads it`, async () => {
    const transformer = await forSecrets(provider)
    const [first, second] = [await transformer.seal(VALUE, PATH), await transformer.seal(VALUE, PATH)]
    assert.ok(Buffer.from(first).toString('latin1').startsWith(`k8s:enc:${name}:v1:key1:`))
    assert.notDeepEqual(first, second)
    assert.equal(Buffer.from(first).includes('Secret'), false)
    const { bytes, isStale } = await transformer.open(first, PATH)
    assert.deepEqual([Buffer.from(bytes), isStale], [VALUE, false])
  })

  test(`${name}: a value that is cut off, changed or of another key is refused`, async () => {
    const transformer = await forSecrets(provider)
    const sealed = await transformer.seal(VALUE, PATH)
    await assert.rejects(transformer.open(sealed.subarray(0, 30), PATH))
    const other = await forSecrets({ [name]: keys(['key1', OTHER]) })
    await assert.rejects(other.open(sealed, PATH))
    const strange = await forSecrets({ [name]: keys(['key2', KEY]) })
    const shown = name === 'secretbox' ? 'Secretbox' : 'AES'
    await assert.rejects(
      strange.open(sealed, PATH),
      new RegExp(`no matching key was found for the provided ${shown} transformer`),
    )
    if (name === 'aescbc') return
    const changed = Buffer.from(sealed)
    changed[changed.length - 1]! ^= 1
    await assert.rejects(transformer.open(changed, PATH))
  })
}

test('aesgcm binds a value to its key in the store', async () => {
  const transformer = await forSecrets({ aesgcm: one })
  const sealed = await transformer.seal(VALUE, PATH)
  await assert.rejects(transformer.open(sealed, '/registry/secrets/default/two'), /message authentication failed/)
})

test('aesgcm is nonce, cipher text and tag, as upstream lays it out', async () => {
  const sealed = Buffer.from(await (await forSecrets({ aesgcm: one })).seal(VALUE, PATH)).subarray(
    'k8s:enc:aesgcm:v1:key1:'.length,
  )
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(KEY, 'base64'), sealed.subarray(0, 12))
  decipher.setAAD(Buffer.from(PATH)).setAuthTag(sealed.subarray(-16))
  assert.deepEqual(Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]), VALUE)
})

test('secretbox opens what NaCl made', async () => {
  // The test vector of NaCl's own tests (https://cr.yp.to/highspeed/naclcrypto-20090310.pdf, section 10).
  const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex')
  const key = hex('1b27556473e985d4 62cd51197a9a46c7 6009549eac6474f2 06c4ee0844f68389')
  const nonce = hex('69696ee955b62b73 cd62bda875fc73d6 8219e0036b7a0b37')
  const box = hex(`f3ffc7703f9400e5 2a7dfb4b3d3305d9 8e993b9f48681273 c29650ba32fc76ce 48332ea7164d96a4 476fb8c531a1186a
    c0dfc17c98dce87b 4da7f011ec48c972 71d2c20f9b928fe2 270d6fb863d51738 b48eeee314a7cc8a b932164548e526ae 90224368517acfea
    bd6bb3732bc0e9da 99832b61ca01b6de 56244a9e88d5f9b3 7973f622a43d14a6 599b1f654cb45a74 e355a5`)
  const message = hex(`be075fc53c81f2d5 cf141316ebeb0c7b 5228c52a4c62cbd4 4b66849b64244ffc e5ecbaaf33bd751a 1ac728d45e6c6129
    6cdc3c01233561f4 1db66cce314adb31 0e3be8250c46f06d ceea3a7fa1348057 e2f6556ad6b1318a 024a838f21af1fde 048977eb48f59ffd
    4924ca1c60902e52 f0a089bc76897040 e082f93776384864 5e0705`)
  const transformer = await forSecrets({ secretbox: keys(['n', key.toString('base64')]) })
  const { bytes } = await transformer.open(Buffer.concat([Buffer.from('k8s:enc:secretbox:v1:n:'), nonce, box]), PATH)
  assert.deepEqual(Buffer.from(bytes), message)
})

test('the first key writes, all read, and what another than the first wrote is stale', async () => {
  const old = await forSecrets({ secretbox: keys(['key1', KEY]) }, { identity: {} })
  const rotated = await forSecrets({ secretbox: keys(['key2', OTHER], ['key1', KEY]) }, { identity: {} })
  const sealed = await old.seal(VALUE, PATH)
  assert.equal((await rotated.open(sealed, PATH)).isStale, true)
  assert.equal((await rotated.open(VALUE, PATH)).isStale, true)
  const written = await rotated.seal(VALUE, PATH)
  assert.ok(Buffer.from(written).toString('latin1').startsWith('k8s:enc:secretbox:v1:key2:'))
  assert.equal((await rotated.open(written, PATH)).isStale, false)
  await assert.rejects(old.open(written, PATH), /no matching key was found for the provided Secretbox transformer/)
})

test('of two providers of one prefix the second reads what the first can not', async () => {
  const old = await forSecrets({ aescbc: keys(['1', KEY]) })
  const both = await forSecrets({ aescbc: keys(['2', OTHER]) }, { aescbc: keys(['1', KEY]) })
  assert.deepEqual(Buffer.from((await both.open(await old.seal(VALUE, PATH), PATH)).bytes), VALUE)
})

test('identity first turns encryption off again, and still leaves reading to those behind it', async () => {
  const before = await forSecrets({ aesgcm: one })
  const after = await forSecrets({ identity: {} }, { aesgcm: one })
  assert.deepEqual(await after.seal(VALUE, PATH), VALUE)
  const { bytes, isStale } = await after.open(await before.seal(VALUE, PATH), PATH)
  assert.deepEqual([Buffer.from(bytes), isStale], [VALUE, true])
  const never = await forSecrets({ identity: {} })
  await assert.rejects(never.open(await before.seal(VALUE, PATH), PATH), /no matching prefix found/)
})

test('the most specific rule counts: the resource, its group, everything', async () => {
  const rule = (resource: string, name: string) => ({ resources: [resource], providers: [{ aesgcm: keys([name, KEY]) }] })
  const transformers = await open([rule('deployments.apps', 'a'), rule('*.apps', 'b'), rule('*.', 'c'), rule('*.*', 'd')])
  const nameFor = async (resource: string): Promise<string> => {
    const sealed = await transformers.of(groupResourceOf(resource))!.seal(VALUE, PATH)
    return Buffer.from(sealed).toString('latin1').split(':')[4]!
  }
  const names = ['deployments.apps', 'daemonsets.apps', 'secrets', 'widgets.example.com'].map(nameFor)
  assert.deepEqual(await Promise.all(names), ['a', 'b', 'c', 'd'])
})

test('a rule that an earlier one masks is refused', async () => {
  const rule = (resource: string) => ({ resources: [resource], providers: [{ identity: {} }] })
  await assert.rejects(open([rule('*.'), rule('secrets')]), /^Error: resource "secrets" is masked by earlier rule "\*\."$/)
  await assert.rejects(open([rule('*.*'), rule('jobs.batch')]), /resource "jobs.batch" is masked by earlier rule "\*\.\*"/)
})

test('a key of the store tells whose object it holds', () => {
  const names = [
    '/registry/secrets/default/a',
    '/registry/services/specs/default/a',
    '/registry/minions/node-1',
    '/registry/events/default/a',
    '/registry/apiextensions.k8s.io/customresourcedefinitions/a',
    '/registry/example.com/widgets/default/a',
    '/registry/ranges/servicenodeports',
    '/registry/masterleases/10.0.0.1',
    '/registry/t8s',
  ].map((key) => ownerOfKey(key))
  assert.deepEqual(names, [
    { group: '', resource: 'secrets' },
    { group: '', resource: 'services' },
    { group: '', resource: 'nodes' },
    { group: '', resource: 'events' },
    { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
    { group: 'example.com', resource: 'widgets' },
    { group: '', resource: 'servicenodeportallocations' },
    { group: '', resource: 'apiServerIPInfo' },
    undefined,
  ])
})

test('each value under a seed has a key of its own: HKDF-Expand of what stands in front of it', async () => {
  const seed = Buffer.alloc(32, 3)
  const transformer = extendedNonceGcm(seed, systemRandom)
  const sealed = Buffer.from(await transformer.seal(VALUE, PATH))
  const info = sealed.subarray(0, 32)
  const key = createHmac('sha256', seed).update(info).update(Uint8Array.of(1)).digest()
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(32, 44)).setAAD(Buffer.from(PATH))
  decipher.setAuthTag(sealed.subarray(-16))
  assert.deepEqual(Buffer.concat([decipher.update(sealed.subarray(44, -16)), decipher.final()]), VALUE)
  assert.notDeepEqual(Buffer.from(await transformer.seal(VALUE, PATH)).subarray(0, 32), info)
  await assert.rejects(transformer.open(sealed, '/registry/secrets/default/two'), /message authentication failed/)
})

test('metrics count transformations by prefix and outcome', async () => {
  const transformer = await forSecrets({ aesgcm: one })
  await transformer.open(await transformer.seal(VALUE, PATH), PATH)
  await assert.rejects(transformer.open(Buffer.from('k8s:enc:aesgcm:v1:key9:x'), PATH))
  await assert.rejects(transformer.open(VALUE, PATH), /no matching prefix found/)
  const text = metrics.text()
  const counted = (type: string, prefix: string, status: string): boolean =>
    text.includes(
      `apiserver_storage_transformation_operations_total{status="${status}",transformation_type="${type}",transformer_prefix="${prefix}"}`,
    )
  assert.ok(counted('to_storage', 'k8s:enc:aesgcm:v1:', 'OK'))
  assert.ok(counted('from_storage', 'k8s:enc:aesgcm:v1:', 'OK'))
  assert.ok(counted('from_storage', 'k8s:enc:aesgcm:v1:', 'unknown-non-grpc'))
  assert.ok(counted('from_storage', 'unknown', 'unknown-non-grpc'))
  assert.match(text, /apiserver_storage_transformation_duration_seconds_bucket\{.*le="1e-05"\}/)
})
