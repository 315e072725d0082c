import assert from 'node:assert/strict'
import { deployments } from '#api'
import { behaviors } from './behavior.ts'
import { type RawResponse, send } from './raw.ts'
import type { Target } from './target.ts'

/** The text, not an object: what is there twice must reach the server twice. */
const deployment = (metadata: string, spec: string): string => `{
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "web", ${metadata} "labels": {"app": "web"}},
  "spec": {${spec} "selector": {"matchLabels": {"app": "web"}},
    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}
}`

function post(target: Target, namespace: string, body: string, fieldValidation: string): Promise<RawResponse> {
  return send(target, {
    method: 'POST',
    path: `/apis/apps/v1/namespaces/${namespace}/deployments`,
    query: new URLSearchParams({ fieldManager: 'validation', fieldValidation }),
    headers: { 'content-type': 'application/json' },
    body: { kind: 'bytes', bytes: Buffer.from(body) },
  })
}

behaviors('field validation', (behavior) => {
  behavior(
    '[sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object [Conformance]',
    async ({ target, client, namespace }) => {
      const body = deployment('', '"unknownField": "foo", "replicas": 2, "replicas": 3,')
      const strict = await post(target, namespace, body, 'Strict')
      assert.equal(strict.status, 400)
      assert.match(
        strict.text,
        /strict decoding error: unknown field \\"spec.unknownField\\", duplicate field \\"spec.replicas\\"/,
      )
      assert.equal(await client.find(deployments, `${namespace}/web`), undefined)
      const warned = await post(target, namespace, body, 'Warn')
      assert.equal(warned.status, 201)
      assert.match(warned.headers['warning']!, /unknown field \\"spec.unknownField\\".*duplicate field \\"spec.replicas\\"/)
      assert.equal((await client.get(deployments, `${namespace}/web`)).spec?.replicas, 3)
    },
  )

  behavior(
    '[sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object [Conformance]',
    async ({ target, namespace }) => {
      const body = deployment('"unknownMeta": "foo",', '')
      const strict = await post(target, namespace, body, 'Strict')
      assert.equal(strict.status, 400)
      assert.match(strict.text, /strict decoding error: unknown field \\"metadata.unknownMeta\\"/)
      const ignored = await post(target, namespace, body, 'Ignore')
      assert.deepEqual([ignored.status, ignored.headers['warning']], [201, undefined])
    },
  )
})
