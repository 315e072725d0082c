import assert from 'node:assert/strict'
import test from 'node:test'
import { allResources, describe, schemaOf } from './index.ts'

test('every kind has a schema with its own group, version and kind', () => {
  for (const { group, version, kind, schema } of allResources) {
    const gvks = schema().gvk?.map((gvk) => gvk.join('/')) ?? []
    assert.ok(gvks.includes(`${group}/${version}/${kind}`), `${kind}: ${gvks}`)
  }
})

test('no two kinds share a path', () => {
  const paths = allResources.map(({ group, version, names }) => `${group}/${version}/${names.plural}`)
  assert.equal(new Set(paths).size, paths.length)
})

test('references are linked to one node, also where definitions contain themselves', () => {
  const pod = schemaOf('io.k8s.api.core.v1.Pod')
  const spec = pod.properties!['spec']!
  assert.equal(spec.ref, schemaOf('io.k8s.api.core.v1.PodSpec'))
  assert.equal(spec.ref!.properties!['containers']!.patchMergeKey, 'name')
  const props = schemaOf('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps')
  assert.equal(props.properties!['not']!.ref, props)
})

test('descriptions are those of the published documentation', () => {
  assert.match(describe('io.k8s.api.core.v1.Pod'), /^Pod is a collection of containers/)
  assert.match(describe('io.k8s.api.core.v1.PodSpec', 'nodeSelector'), /match a node's labels/)
  assert.match(schemaOf('io.k8s.api.core.v1.PodSpec').properties!['nodeName']!.description!, /^NodeName indicates in which node/)
})
