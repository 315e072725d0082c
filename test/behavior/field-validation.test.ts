import assert from 'node:assert/strict'
import { deployments } from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { defining, groupOf } from './custom.ts'
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

const SPEC = {
  foo: { type: 'string' },
  cronSpec: { type: 'string', pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$` },
  ports: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
    items: {
      type: 'object',
      required: ['containerPort', 'protocol'],
      properties: {
        containerPort: { type: 'integer', format: 'int32' },
        name: { type: 'string' },
        protocol: { type: 'string' },
      },
    },
  },
}
const OPEN = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const schemaOf = (spec: object): object => ({ type: 'object', properties: { spec } })

interface Lines {
  readonly metadata?: string
  readonly root?: string
  readonly spec?: string
}

/** A widget as text, since line numbers and what is there twice count. */
const widget = (scene: Scene, { metadata = '', root = '', spec = '' }: Lines): string => `
apiVersion: ${groupOf(scene)}/v1
kind: Widget
metadata:
  name: mytest
${metadata}  labels:
    test: validation
${root}spec:
${spec}  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP`

/** Applies, then creates, the same text strictly. */
async function strictly(scene: Scene, lines: Lines): Promise<{ readonly applied: RawResponse; readonly created: RawResponse }> {
  const path = `/apis/${groupOf(scene)}/v1/widgets`
  const query = new URLSearchParams({ fieldManager: 'validation', fieldValidation: 'Strict' })
  const body = { kind: 'bytes', bytes: Buffer.from(widget(scene, lines)) } as const
  const headers = (type: string) => ({ 'content-type': `application/${type}` })
  const created = await send(scene.target, { method: 'POST', path, query, headers: headers('yaml'), body })
  const applied = await send(scene.target, {
    method: 'PATCH',
    path: `${path}/mytest`,
    query: new URLSearchParams([...query, ['force', 'true']]),
    headers: headers('apply-patch+yaml'),
    body,
  })
  return { applied, created }
}

const messageOf = ({ text }: RawResponse): string => (JSON.parse(text) as { readonly message: string }).message

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

  behavior(
    '[sig-api-machinery] FieldValidation should create/apply a valid CR for CRD with validation schema [Conformance]',
    (scene) =>
      defining(scene, { schema: schemaOf({ type: 'object', properties: SPEC }) }, async () => {
        const { applied, created } = await strictly(scene, { spec: '  foo: foo1\n' })
        assert.deepEqual([created.status, applied.status], [201, 200], `${created.text}\n${applied.text}`)
        assert.deepEqual([created.headers['warning'], applied.headers['warning']], [undefined, undefined])
      }),
  )

  behavior(
    '[sig-api-machinery] FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema [Conformance]',
    (scene) =>
      defining(scene, {}, async () => {
        const { applied, created } = await strictly(scene, { spec: '  unknown: uk1\n' })
        assert.deepEqual([created.status, applied.status], [201, 200], `${created.text}\n${applied.text}`)
        assert.equal((JSON.parse(applied.text) as { spec: { unknown: string } }).spec.unknown, 'uk1')
      }),
  )

  behavior(
    '[sig-api-machinery] FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema [Conformance]',
    (scene) =>
      defining(scene, { schema: schemaOf({ type: 'object', properties: SPEC }) }, async () => {
        const { applied, created } = await strictly(scene, { root: 'unknownField: unknown\n', spec: '  foo: foo1\n' })
        assert.equal(created.status, 400)
        assert.match(messageOf(created), /strict decoding error: unknown field "unknownField"/)
        assert.ok(applied.status >= 400)
        assert.match(messageOf(applied), /\.unknownField: field not declared in schema/)
      }),
  )

  behavior(
    '[sig-api-machinery] FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR [Conformance]',
    (scene) => {
      const embedded = {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        properties: {
          metadata: { type: 'object', properties: { name: { type: 'string' } } },
          spec: { type: 'object' },
        },
      }
      return defining(scene, { schema: schemaOf({ ...OPEN, properties: { template: embedded, ...SPEC } }) }, async () => {
        const template = `  template:
    apiVersion: foo/v1
    kind: Sub
    metadata:
      unknownSubMeta: unknown
      name: subobject
`
        const { applied, created } = await strictly(scene, { metadata: '  unknownMeta: unknown\n', spec: template })
        assert.equal(created.status, 400)
        for (const field of ['metadata.unknownMeta', 'spec.template.metadata.unknownSubMeta'])
          assert.ok(messageOf(created).includes(`unknown field "${field}"`), messageOf(created))
        assert.ok(applied.status >= 400)
        assert.match(
          messageOf(applied),
          /\.metadata\.unknownMeta: field not declared in schema|\.spec\.template\.metadata\.unknownSubMeta: field not declared in schema/,
        )
      })
    },
  )

  behavior(
    '[sig-api-machinery] FieldValidation should detect duplicates in a CR when preserving unknown fields [Conformance]',
    (scene) =>
      defining(scene, { schema: schemaOf({ ...OPEN, properties: SPEC }) }, async () => {
        const twice = { spec: '  unknown: uk1\n  foo: foo1\n  foo: foo2\n' }
        const { applied, created } = await strictly(scene, twice)
        for (const refused of [applied, created]) {
          assert.equal(refused.status, 400)
          assert.match(messageOf(refused), /line 11: key "foo" already set in map/)
        }
      }),
  )
})
