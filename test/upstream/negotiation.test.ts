import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { StatusError } from '#meta'
import { negotiate, type Offer } from '../../src/apiserver/presentation/negotiate.ts'
import { parseMediaType } from '../../src/apiserver/registry/media-type.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 4_000)
const peer = new Peer('negotiation')
after(() => peer[Symbol.asyncDispose]())

interface Answer {
  readonly form: string
  readonly input: string
}

const KINDS = {
  object: 'Object',
  table: 'Table',
  metadata: 'PartialObjectMetadata',
  'metadata-list': 'PartialObjectMetadataList',
}
const TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']
const MEDIA = { json: TYPES[0], yaml: TYPES[1], protobuf: TYPES[2] }

function ours(accept: string, offer: Offer): string {
  try {
    const { as, version, encoding, pretty } = negotiate(accept, offer)
    return `${KINDS[as]} ${version} ${MEDIA[encoding]} ${pretty}`
  } catch (error) {
    return (error as StatusError).message
  }
}

const type = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...TYPES, 'application/*', '*/*', '*', 'application/cbor', 'text/html') },
  fc.constantFrom(
    'APPLICATION/JSON',
    'application',
    'application/',
    'application/json/',
    'a/b/c',
    '',
    ' ',
    '/json',
    '*/json',
    'application//json',
  ),
)
const parameter = fc.oneof(
  fc.constantFrom(
    'as=Table;g=meta.k8s.io;v=v1',
    'as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1',
    'as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
  ),
  fc
    .tuple(
      fc.constantFrom('as', 'g', 'v', 'stream', 'sv', 'pretty', 'q', 'export', 'profile', 'x', ' q ', 'Q'),
      fc.constantFrom(
        '',
        '1',
        '0',
        'v1',
        'v2',
        'watch',
        'Table',
        'meta.k8s.io',
        '0.5',
        ' 0.5',
        '1e-1',
        '.3',
        '2',
        '-1',
        'a=b',
        '=',
        '0.5=',
      ),
    )
    .map(([name, value]) => `${name}=${value}`),
  fc.constantFrom('', 'as', 'q', ' ', '=', 'stream=watch'),
)
const clause = fc
  .tuple(fc.constantFrom('', ' ', '\t'), type, fc.array(parameter, { maxLength: 3 }), fc.constantFrom('', ' ', ';'))
  .map(
    ([before, name, parameters, behind]) =>
      [before + name, ...parameters].join(fc.sample(fc.constantFrom(';', '; '), 1)[0]) + behind,
  )
const accept = fc.array(clause, { maxLength: 5 }).map((clauses) => clauses.join(','))
const offer = fc.record({ streaming: fc.boolean(), protobuf: fc.boolean(), transforms: fc.boolean() })
const contentType = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        'application/json',
        'application/yaml',
        'json',
        ';',
        '; ',
        '=',
        'charset',
        'utf-8',
        '"',
        '\\',
        ' ',
        ',',
        '/',
        'x',
        'X',
        'application',
        'application/vnd.kubernetes.protobuf',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(
      fc.constantFrom(...TYPES, 'Application/JSON', 'application/json '),
      fc.array(
        fc
          .tuple(
            fc.constantFrom('a', 'A', 'b', ''),
            fc.constantFrom('=', ' = ', ''),
            fc.constantFrom('1', '"1"', '"\\"', '"\\""', '"a b"', '', 'a b'),
          )
          .map((parts) => parts.join('')),
        { maxLength: 3 },
      ),
    )
    .map(([name, parameters]) => [name, ...parameters].join(';')),
)

test('media types are negotiated alike', async () => {
  await fc.assert(
    fc.asyncProperty(accept, offer, contentType, async (accept, asked, content) => {
      const theirs = await peer.ask<Answer>({ accept, contentType: content, ...asked })
      assert.equal(ours(accept, asked.transforms ? asked : { ...asked, protobuf: true }), theirs.form)
      const input = content === '' ? 'application/json' : parseMediaType(content)
      const isKnown = input !== undefined && TYPES.includes(input)
      assert.equal(isKnown ? input : 'none', TYPES.includes(theirs.input) ? theirs.input : 'none', content)
    }),
    { numRuns: RUNS },
  )
})
