import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, decodeProtobuf, encodeProtobuf, encodeProtobufMessage, ProtobufObjectError, protobufMessageOf } from '#api'
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

/** Bytes of a ConfigMap that are none, and what upstream's decoder says of them. */
const HOSTILE: readonly (readonly [name: string, body: Buffer, message: string])[] = [
  ['a length past the end', hex('0a ff ff ff ff 07 61'), 'unexpected EOF'],
  ['a length of eight bytes', hex('0a ff ff ff ff ff ff ff 7f'), 'unexpected EOF'],
  ['a length below zero', hex('0a ff ff ff ff ff ff ff ff ff 01'), 'proto: negative length found during unmarshaling'],
  ['a number that does not end', hex('ff ff ff ff ff ff ff ff ff ff ff'), 'proto: integer overflow'],
  ['a number cut off', hex('0a 80'), 'unexpected EOF'],
  ['the field number 0', hex('02 00'), 'proto: ConfigMap: illegal tag 0 (wire type 2)'],
  ['a field number below 0', hex('fa ff ff ff 7f 00'), 'proto: ConfigMap: illegal tag -1 (wire type 34359738362)'],
  ['the end of a group', hex('0c'), 'proto: ConfigMap: wiretype end group for non-group'],
  ['a group that does not end', hex('7b 08 01'), 'unexpected EOF'],
  ['a kind of field that there is not', hex('7f'), 'proto: illegal wireType 7'],
  ['text where a message is', hex('08 01'), 'proto: wrong wireType = 0 for field ObjectMeta'],
  ['a number where a map is', hex('10 01'), 'proto: wrong wireType = 0 for field Data'],
  ['a name that Go spells otherwise', hex('0a 02 28 01'), 'proto: wrong wireType = 0 for field UID'],
  ['a field of a message inside', hex('0a 02 04 01'), 'proto: ObjectMeta: wiretype end group for non-group'],
  ['seconds that are text', hex('0a 04 42 02 0a 00'), 'proto: wrong wireType = 2 for field Seconds'],
  ['eight bytes cut off', hex('f9 01 00 00'), 'unexpected EOF'],
  ['a time that never was', hex('0a 0b 42 09 08 ff ff ff ff ff ff ff 7f'), '72057594037927940 seconds are not a time'],
]

for (const [name, body, message] of HOSTILE) {
  test(`protobuf: ${name} is refused`, () => {
    const type = { apiVersion: 'v1', kind: 'ConfigMap' }
    assert.throws(() => decodeProtobuf(wrapped('ConfigMap', body)), { name: 'ProtobufError', message, type })
  })
}

const ENVELOPES: readonly (readonly [name: string, bytes: Buffer, message: string])[] = [
  ['no bytes', hex(''), 'empty data'],
  ['JSON', Buffer.from('{}'), 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]'],
  ['the mark alone', hex('6b 38 73 00'), 'empty body'],
  ['an encoding that is a number', hex('6b 38 73 00 18 01'), 'proto: wrong wireType = 0 for field ContentEncoding'],
  ['a field without a number', hex('6b 38 73 00 00'), 'proto: Unknown: illegal tag 0 (wire type 0)'],
  ['a type that is no text', hex('6b 38 73 00 0a 02 08 01'), 'proto: wrong wireType = 0 for field APIVersion'],
]

for (const [name, bytes, message] of ENVELOPES) {
  test(`protobuf: an envelope is refused of ${name}`, () => {
    assert.throws(
      () => decodeProtobuf(bytes),
      (error) => error instanceof ProtobufError && !(error instanceof ProtobufObjectError) && error.message === message,
    )
  })
}

test('protobuf: what the envelope leaves out is what was expected', () => {
  const bare = Buffer.concat([hex('6b 38 73 00 12 05'), hex('0a 03 0a 01 61')])
  const read = decodeProtobuf(bare, { apiVersion: 'v1', kind: 'ConfigMap' })
  assert.deepEqual(read.object, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })
  assert.throws(
    () => decodeProtobuf(bare),
    /^ProtobufError: Object 'Kind' is missing in 'runtime.TypeMeta\{APIVersion:"", Kind:""\}'$/,
  )
})

/** Odd bytes that upstream's decoder takes. */
const TAKEN: readonly (readonly [name: string, body: string, object: object])[] = [
  ['an unknown group, with groups in it', '7b 08 01 83 01 84 01 7c 0a 03 0a 01 61', { metadata: { name: 'a' } }],
  ['a field number of 32 bits, cut off', '8a 80 80 80 80 01 03 0a 01 61', { metadata: { name: 'a' } }],
  ['a length of 64 bits, cut off', '0a 80 80 80 80 80 80 80 80 80 02', { metadata: {} }],
  ['an entry of a map that ends behind itself', '12 04 0a 04 61 62 78 01', { data: { 'abx\u0001': '' } }],
  ['an entry of a map without wire types', '12 06 08 01 61 10 01 62', { data: { a: 'b' } }],
  ['an entry of a map with nothing in it', '12 00', { data: { '': '' } }],
  ['text that is not UTF-8', '12 0a 0a 01 61 12 05 e2 82 ff c3 a4', { data: { a: '\ufffd\ufffd\ufffdä' } }],
]

for (const [name, body, object] of TAKEN) {
  test(`protobuf: ${name} is read`, () => {
    const { apiVersion: _, kind: __, ...read } = decodeProtobuf(wrapped('ConfigMap', hex(body))).object
    assert.deepEqual(read, object)
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
