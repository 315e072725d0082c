import assert from 'node:assert/strict'
import test from 'node:test'
import { mergeOpenApiV2 } from './merge-openapi.ts'

type Json = Record<string, unknown>

const GVKS = 'x-kubernetes-group-version-kind'
const gvks = (...groups: readonly string[]): Json => ({ [GVKS]: groups.map((group) => ({ group, kind: 'A', version: 'v1' })) })
const refer = (name: string): Json => ({
  get: { parameters: [{ $ref: '#/parameters/p' }], responses: { 200: { schema: { $ref: `#/definitions/${name}` } } } },
})

test('what another server tells of its resources is merged, under names of its own where they differ', () => {
  const ours = {
    paths: { '/apis/a/': refer('A') },
    definitions: { A: { ...gvks('a'), type: 'object' }, Same: { ...gvks('b'), type: 'object' }, A_v2: { type: 'string' } },
    parameters: { p: { name: 'p' } },
  }
  const theirs = {
    paths: { '/apis/a/': refer('Dropped'), '/apis/b/': refer('A'), '/version/': {} },
    definitions: {
      A: { ...gvks('a'), type: 'object', properties: { same: { $ref: '#/definitions/Same' } } },
      Same: { ...gvks('a'), type: 'object' },
      Dropped: {},
      Unused: {},
    },
    parameters: { p: { name: 'p', description: 'another' }, q: { name: 'q' } },
  }
  const renamed = JSON.parse(JSON.stringify(refer('A_v3')).replace('#/parameters/p', '#/parameters/p_v2')) as Json
  assert.deepEqual(mergeOpenApiV2(ours, theirs), {
    paths: { '/apis/a/': refer('A'), '/apis/b/': renamed },
    definitions: {
      ...ours.definitions,
      Same: { ...gvks('a', 'b'), type: 'object' },
      A_v3: { ...gvks('a'), type: 'object', properties: { same: { $ref: '#/definitions/Same' } } },
      Unused: {},
    },
    parameters: { p: { name: 'p' }, p_v2: { name: 'p', description: 'another' }, q: { name: 'q' } },
  })
  // A name that such a thing has already is used again.
  const again = mergeOpenApiV2(mergeOpenApiV2(ours, theirs), { ...theirs, paths: { '/apis/c/': refer('A') } })
  assert.deepEqual((again['paths'] as Json)['/apis/c/'], renamed)
  assert.deepEqual(Object.keys(again['definitions'] as Json).sort(), ['A', 'A_v2', 'A_v3', 'Dropped', 'Same', 'Unused'])
})

test('a server that tells of no resources adds nothing', () => {
  const ours = { paths: { '/apis/a/': {} }, definitions: {} }
  assert.equal(mergeOpenApiV2(ours, { paths: { '/apis/a/': {}, '/healthz': {} }, definitions: { B: {} } }), ours)
})
