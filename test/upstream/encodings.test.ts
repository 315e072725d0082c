// Every kind in JSON and in protobuf, and damaged protobuf, as upstream's structs and serializers have it. What differs and stays so:
// - Null is absent, and an empty list or map where upstream always prints one (docs/design/objects.md).
// - Fields stand in the order in which they were sent; upstream's stand in that of its structs.
// - Text that is not UTF-8 is read with a replacement for each byte that is none, as upstream prints it, but upstream stores the bytes.
// - Integers past 2^53 and times before the year 0 or after 9999 are refused, and so is open JSON that is none, in words of our own.
// - A CertificateSigningRequest without a request, which is invalid, has empty bytes in its place. A quantity is looked at when all was read.
// - APIService is left out: its Go types are not in the packages.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { allResources, decodeProtobuf, encodeProtobuf, olderVersions, protobufMessageOf } from '#api'
import { parseJson, type Random, seededRandom } from '#base'
import { apiVersionOf, conform, deref, fillRequired, isObject, type KubernetesObject, type Schema, zeroValue } from '#meta'
import { plainFrame } from '../../src/apiserver/presentation/frames.ts'
import { randomMessage } from '../../src/testing/protobuf/random-message.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 40)
const peer = new Peer('encodings')
after(() => peer[Symbol.asyncDispose]())

interface Answer {
  readonly json?: string
  readonly protobuf?: string
  readonly frame?: string
  readonly error?: string
}

const resources = allResources.filter(({ kind }) => kind !== 'APIService')
const META =
  'Status DeleteOptions CreateOptions UpdateOptions PatchOptions ListOptions GetOptions APIGroup APIResourceList'.split(' ')

for (const resource of resources) {
  const apiVersion = apiVersionOf(resource)
  const { kind, listKind } = resource
  const schema = resource.schema()
  const message = protobufMessageOf(apiVersion, kind)!

  test(`${apiVersion} ${kind}: JSON and protobuf are the same`, async () => {
    for (let seed = 0; seed < RUNS; seed++) {
      const sent = { apiVersion, kind, ...randomMessage(message, seed) }
      const fromJson = await peer.ask<Answer>({ json: JSON.stringify(sent), frame: 'ADDED' })
      const ours = read(sent, schema)
      assert.deepEqual(ours, withoutNulls(parseJson(fromJson.json ?? fromJson.error!), schema))
      if (kind !== 'CertificateSigningRequest') assertSame(encodeProtobuf(ours), fromJson.protobuf)
      if (kind !== 'CertificateSigningRequest') assertSame(plainFrame('ADDED', ours, 'protobuf').bytes(), fromJson.frame)
      const back = read(decodeProtobuf(Buffer.from(fromJson.protobuf!, 'base64')).object, schema)
      const fromProtobuf = await peer.ask<Answer>({ protobuf: fromJson.protobuf })
      assert.deepEqual(back, withoutNulls(parseJson(fromProtobuf.json!), schema))
    }
  })

  test(`${apiVersion} ${kind}: damaged protobuf is read or refused alike`, async () => {
    for (let seed = 0; seed < RUNS; seed++) {
      const bytes = damaged(encodeProtobuf({ apiVersion, kind, ...randomMessage(message, seed) }), seededRandom(seed))
      const theirs = await peer.ask<Answer>({ protobuf: bytes.toString('base64') })
      // It was read, and can't be printed.
      if (theirs.error?.startsWith('json: error calling MarshalJSON')) continue
      const ours = outcome(bytes, schema)
      if (typeof ours !== 'string') {
        assert.deepEqual(ours, withoutNulls(parseJson(theirs.json ?? theirs.error!), schema))
        if (!JSON.stringify(ours).includes('\ufffd') && kind !== 'CertificateSigningRequest')
          assertSame(encodeProtobuf(ours), theirs.protobuf)
      } else if (!OWN.test(ours) && !theirs.error?.startsWith('quantities'))
        assert.equal(ours.replace(SCHEME, ''), theirs.error?.replace(SCHEME, ''))
    }
  })

  const list = `${apiVersion} ${listKind}`
  if (protobufMessageOf(apiVersion, listKind))
    test(`${list}: what we write is what upstream reads and writes`, () => roundTrip(apiVersion, listKind))
}

for (const kind of META) test(`v1 ${kind}: what we write is what upstream reads and writes`, () => roundTrip('v1', kind))
for (const kind of ['PartialObjectMetadata', 'PartialObjectMetadataList'])
  test(`meta.k8s.io/v1 ${kind}: what we write is what upstream reads and writes`, () => roundTrip('meta.k8s.io/v1', kind))
for (const [apiVersion, kind] of olderVersions)
  if (protobufMessageOf(apiVersion, kind))
    test(`${apiVersion} ${kind}, which may be stored: what we write is what upstream reads and writes`, () =>
      roundTrip(apiVersion, kind))

async function roundTrip(apiVersion: string, kind: string): Promise<void> {
  const message = protobufMessageOf(apiVersion, kind)!
  for (let seed = 0; seed < RUNS; seed++) {
    const bytes = encodeProtobuf({ apiVersion, kind, ...randomMessage(message, seed) })
    const { protobuf, error } = await peer.ask<Answer>({ protobuf: bytes.toString('base64') })
    // What is no API any more is in no scheme.
    if (error?.startsWith('no kind')) return
    assert.equal(error, undefined)
    assertSame(bytes, protobuf)
  }
}

/** Refusals that are ours alone. */
const OWN =
  /^json: cannot unmarshal number|seconds are not a time|holds no valid JSON|^parsing time|unexpected EOF|no kind|^Object 'Kind' is missing|^quantities must match/
const SCHEME = / in scheme .*$/

function outcome(bytes: Buffer, schema: Schema): KubernetesObject | string {
  try {
    return read(decodeProtobuf(bytes).object, schema)
  } catch (error) {
    return (error as Error).message
  }
}

function read(document: unknown, schema: Schema): KubernetesObject {
  const { value } = conform(document, schema)
  fillRequired(value, schema)
  return value as KubernetesObject
}

function assertSame(ours: Uint8Array, theirs: string | undefined): void {
  assert.equal(Buffer.from(ours).toString('hex'), Buffer.from(theirs ?? '', 'base64').toString('hex'))
}

/** Cut off, changed, longer or shorter in up to three places. */
function damaged(bytes: Buffer, random: Random): Buffer {
  const below = (bound: number): number => Math.floor(random.float() * bound)
  let result = Buffer.from(bytes)
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = below(result.length + 1)
    const kind = below(5)
    if (kind === 0) result = result.subarray(0, at)
    else if (kind === 1) result = Buffer.concat([result.subarray(0, at), Buffer.from([below(256)]), result.subarray(at)])
    else if (kind === 2) result = Buffer.concat([result.subarray(0, at), result.subarray(at + 1)])
    else if (at < result.length) result[at] = kind === 3 ? below(256) : result[at]! ^ (1 << below(8))
  }
  return result
}

/** Upstream's JSON with its nulls as ours has them. */
function withoutNulls(value: unknown, schema: Schema): unknown {
  const node = deref(schema)
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, node.items ?? {}))
  if (!isObject(value) || (node.preserveUnknownFields && node.properties === undefined)) return value
  const entries = Object.entries(value).map(([key, item]) => {
    const own = node.properties !== undefined && Object.hasOwn(node.properties, key) ? node.properties[key] : undefined
    if (item === null && own !== undefined) return [key, own.always ? zeroValue(own) : undefined] as const
    return [key, withoutNulls(item, own ?? node.additionalProperties ?? {})] as const
  })
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined))
}
