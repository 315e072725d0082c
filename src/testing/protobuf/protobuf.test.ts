import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, decodeProtobuf, encodeProtobuf, encodeProtobufMessage, protobufMessageOf } from '#api'
import { apiVersionOf, type KubernetesObject, ProtobufError } from '#meta'
import { randomMessage } from './random-message.ts'
import { bytesByHand, bytesByProtobufjs, fieldsOf } from './reference.ts'

const SEEDS_PER_KIND = 6

for (const resource of allResources) {
  const apiVersion = apiVersionOf(resource)
  test(`protobuf: ${apiVersion} ${resource.kind} is written as upstream writes it, and read without loss`, () => {
    const message = protobufMessageOf(apiVersion, resource.kind)
    assert.ok(message, 'every built-in kind has a message')
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const object = { apiVersion, kind: resource.kind, ...randomMessage(message, seed) } as KubernetesObject
        const bytes = encodeProtobuf(object)
        const body = encodeProtobufMessage(message, object)
        const fields = fieldsOf(message, object)
        assertSame(body, bytesByHand(fields))
        assertSame(body, bytesByProtobufjs(message, fields))
        assert.deepEqual(decodeProtobuf(bytes), { apiVersion, kind: resource.kind, object })
        assertSame(encodeProtobuf(decodeProtobuf(bytes).object as KubernetesObject), bytes)
      }),
      { numRuns: SEEDS_PER_KIND },
    )
  })
}

/** Quickly; in hexadecimal when they differ. */
function assertSame(actual: Buffer, expected: Buffer): void {
  if (!actual.equals(expected)) assert.equal(actual.toString('hex'), expected.toString('hex'))
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('protobuf: the envelope is as upstream writes it, byte for byte', () => {
  const bytes = encodeProtobuf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } } as KubernetesObject)
  // k8s\0, TypeMeta, raw, contentEncoding, contentType; the message has metadata, spec and status.
  const meta = '0a 01 61 12 00 1a 00 22 00 2a 00 32 00 38 00 42 00'
  assert.deepEqual(
    bytes,
    hex(`6b 38 73 00 0a 0f 0a 02 76 31 12 09 4e 61 6d 65 73 70 61 63 65 12 19 0a 11 ${meta} 12 00 1a 02 0a 00 1a 00 22 00`),
  )
})

test('protobuf: keys are in order of their UTF-8', () => {
  const data = { '\u{1f600}': '1', '\ufb01': '2', a: '3' }
  const text = encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMap', data } as KubernetesObject).toString()
  assert.ok(text.indexOf('a') < text.indexOf('\ufb01') && text.indexOf('\ufb01') < text.indexOf('\u{1f600}'))
})

test('protobuf: a message that comes in two parts is merged, and numbers may be packed', () => {
  const two = hex('0a 03 0a 01 61 0a 03 1a 01 62')
  assert.deepEqual(decodeProtobuf(wrapped('ConfigMap', two)).object['metadata'], { name: 'a', namespace: 'b' })
  const fsGroups = hex('12 06 72 04 22 02 05 06')
  const spec = decodeProtobuf(wrapped('Pod', fsGroups)).object['spec'] as { securityContext: object }
  assert.deepEqual(spec.securityContext, { supplementalGroups: [5, 6] })
})

test('protobuf: a map that has a prototype for a key is only a map', () => {
  const object = decodeProtobuf(encodeProtobuf(JSON.parse('{"apiVersion":"v1","kind":"ConfigMap","data":{"__proto__":"x"}}')))
  assert.ok(Object.hasOwn(object.object['data'] as object, '__proto__'))
  assert.equal(Object.getPrototypeOf(object.object['data']), Object.prototype)
})

const HOSTILE: Readonly<Record<string, Buffer>> = {
  'a length past the end': hex('0a ff ff ff ff 07 61'),
  'a length of eight bytes': hex('0a ff ff ff ff ff ff ff 7f'),
  'a number that does not end': hex('ff ff ff ff ff ff ff ff ff ff ff'),
  'a number cut off': hex('0a 80'),
  'the field number 0': hex('02 00'),
  'a group': hex('0b 0c'),
  'text where a message is': hex('08 01'),
  'eight bytes cut off': hex('f9 01 00 00'),
  'a time that never was': hex('0a 0c 42 0a 08 ff ff ff ff ff ff ff 7f'),
}

for (const [name, body] of Object.entries(HOSTILE)) {
  test(`protobuf: ${name} is refused`, () => {
    assert.throws(() => decodeProtobuf(wrapped('ConfigMap', body)), ProtobufError)
  })
}

test('protobuf: nesting is bounded', () => {
  // JSONSchemaProps.not (number 28) in itself, once a level.
  let schema = Buffer.alloc(0)
  for (let level = 0; level < 1_000; level++) schema = Buffer.concat([delimited(28, schema.length), schema])
  const nested = [1, 4, 7, 2].reduce((inner, field) => Buffer.concat([delimited(field, inner.length), inner]), schema)
  assert.throws(() => decodeProtobuf(wrapped('CustomResourceDefinition', nested, 'apiextensions.k8s.io/v1')), /nested too deeply/)
})

test('protobuf: whatever bytes come, they are read or refused', () => {
  const message = protobufMessageOf('v1', 'Pod')!
  const pod = encodeProtobuf({ apiVersion: 'v1', kind: 'Pod', ...randomMessage(message, 7) } as KubernetesObject)
  const damage = fc.array(fc.tuple(fc.nat(pod.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(damage, fc.nat(pod.length), (changes, length) => {
      const bytes = Buffer.from(pod.subarray(0, length))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      try {
        decodeProtobuf(bytes)
      } catch (error) {
        assert.ok(error instanceof ProtobufError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

function delimited(field: number, length: number): Buffer {
  const bytes: number[] = []
  for (const number of [(field << 3) | 2, length]) {
    let rest = number
    for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
    bytes.push(rest)
  }
  return Buffer.from(bytes)
}

/** A body in its envelope as other encoders write it: only what is set. */
function wrapped(kind: string, body: Buffer, apiVersion = 'v1'): Buffer {
  const [version, name] = [Buffer.from(apiVersion), Buffer.from(kind)]
  const type = Buffer.concat([delimited(1, version.length), version, delimited(2, name.length), name])
  return Buffer.concat([Buffer.from('k8s\0'), delimited(1, type.length), type, delimited(2, body.length), body])
}
