import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { allResources, resourcesOffByDefault, schemaOf } from '#api'
import { ResourceCatalog } from '../catalog.ts'
import { groupsOf } from '../discovery.ts'
import { openApiV2, openApiV3 } from './documents.ts'
import { plainPaths } from './plain-paths.ts'
import type { Json } from './schema-json.ts'

interface Definition extends Json {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Definition>>
  readonly items?: Definition
  readonly enum?: readonly string[]
  readonly allOf?: readonly Json[]
}

const input = {
  named: schemaOf,
  version: 'v1.36.0',
  resources: allResources,
  plainPaths: plainPaths(groupsOf(new ResourceCatalog(allResources))),
}
const v2 = openApiV2(input)['definitions'] as Record<string, Definition>
const v3 = (openApiV3(input)['components'] as Json)['schemas'] as Record<string, Definition>
const documents = { v2, v3 }

/** Fields that upstream says nothing of: their Go types have no comment there. Everything else says what it is. */
const UNDESCRIBED: Readonly<Record<string, string>> = {
  'io.k8s.api.certificates.v1.CertificateSigningRequest': 'metadata',
  'io.k8s.api.certificates.v1.CertificateSigningRequestList': 'metadata',
  'io.k8s.api.networking.v1.IngressRule': 'http',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ExternalDocumentation': 'description url',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps':
    '$ref $schema additionalItems additionalProperties allOf anyOf definitions dependencies description enum example exclusiveMaximum exclusiveMinimum externalDocs id items maxItems maxLength maxProperties maximum minItems minLength minProperties minimum multipleOf not nullable oneOf pattern patternProperties properties required title type uniqueItems',
  'io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent': 'type',
  'io.k8s.apimachinery.pkg.version.Info': 'buildDate compiler gitCommit gitTreeState gitVersion goVersion platform',
}

for (const [dialect, definitions] of Object.entries(documents)) {
  test(`every definition and every field of OpenAPI ${dialect} says what it is, as far as upstream's does`, () => {
    const silent = Object.entries(definitions).flatMap(([name, { properties = {} }]) => {
      const fields = Object.keys(properties).filter((field) => !properties[field]!.description)
      return fields.length === 0 ? [] : [[name, fields.sort().join(' ')]]
    })
    assert.deepEqual(Object.fromEntries(silent), UNDESCRIBED)
    const nameless = Object.keys(definitions).filter((name) => !definitions[name]!.description)
    assert.deepEqual(nameless, [])
  })
}

test('a kind that is off by default says what it is too', () => {
  const resources = resourcesOffByDefault.map(({ resource }) => resource)
  const definitions = openApiV2({ ...input, resources })['definitions'] as Record<string, Definition>
  const bundles = Object.entries(definitions).filter(([name]) => name.includes('.v1beta1.ClusterTrustBundle'))
  assert.equal(bundles.length, 3)
  for (const [name, { description, properties = {} }] of bundles) {
    assert.match(description!, /^ClusterTrustBundle/, name)
    for (const [field, { description: words }] of Object.entries(properties)) assert.ok(words, `${name} ${field}`)
  }
})

test('a field that is a reference has words of its own beside it, and in v3 its default', () => {
  const description =
    'Specification of the desired behavior of the pod. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#spec-and-status'
  const name = 'io.k8s.api.core.v1.PodSpec'
  assert.deepEqual(v2['io.k8s.api.core.v1.Pod']!.properties!['spec'], { description, $ref: `#/definitions/${name}` })
  assert.deepEqual(v3['io.k8s.api.core.v1.Pod']!.properties!['spec'], {
    description,
    default: {},
    allOf: [{ $ref: `#/components/schemas/${name}` }],
  })
  const { env, securityContext } = v3['io.k8s.api.core.v1.Container']!.properties!
  assert.deepEqual(env!.items, { default: {}, allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.EnvVar' }] })
  // What may be absent has no default.
  assert.deepEqual(Object.keys(securityContext!), ['description', 'allOf'])
  // A reference with nothing beside it needs no list.
  assert.deepEqual(v3['io.k8s.api.networking.v1.IngressRule']!.properties!['http'], {
    $ref: '#/components/schemas/io.k8s.api.networking.v1.HTTPIngressRuleValue',
  })
})

test('texts keep their lines', () => {
  assert.equal(
    v2['io.k8s.api.node.v1.RuntimeClass']!.properties!['overhead']!.description,
    'overhead represents the resource overhead associated with running a pod for a given RuntimeClass. For more details, see\n https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/',
  )
  assert.match(
    v2['io.k8s.api.authorization.v1.ResourceRule']!.properties!['resources']!.description!,
    /in the specified apiGroups\.\n "\*\/foo" represents the subresource/,
  )
  assert.match(v2['io.k8s.apimachinery.pkg.api.resource.Quantity']!.description!, /\n\nThe serialization format is:\n\n/)
})

test('what takes one of some values names them, and what they mean', () => {
  let seen = 0
  for (const definitions of Object.values(documents)) {
    for (const [name, { properties = {} }] of Object.entries(definitions)) {
      for (const [field, { description = '', enum: values }] of Object.entries(properties)) {
        const [, list = ''] = description.split(/\n\nPossible enum values:/)
        const named = [...list.matchAll(/^ - `"(.*?)"`/gm)].map(([, value]) => value)
        assert.deepEqual(named, values ?? [], `${name} ${field}`)
        seen += named.length
      }
    }
  }
  assert.ok(seen > 300, String(seen))
  assert.match(
    v3['io.k8s.api.core.v1.Container']!.properties!['imagePullPolicy']!.description!,
    /\n\nPossible enum values:\n - `"Always"` means that kubelet always attempts to pull the latest image\./,
  )
})

/** Models of the published TypeScript client: the same words from another source, on one line, a type's beside references, and without values of enums. */
const MODELS = join(import.meta.dirname, '../../../node_modules/@kubernetes/client-node/dist/gen/models')
const oneLine = (text: string): string =>
  text
    .replace(/\n+Possible enum values:.*/s, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
/** That source keeps comments open where a text would close them, and escapes quotation marks. */
const asWritten = (text: string): string =>
  oneLine(
    text
      .replaceAll(/\\(["'\\])/g, '$1')
      .replaceAll('*_/', '*/')
      .replaceAll('/_*', '/*'),
  )

function modelOf(name: string): string | undefined {
  const [group = '', version = '', kind = ''] = name.split('.').slice(-3)
  const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
  const names = [`${capital(group)}${capital(version)}${kind}`, `${capital(version)}${kind}`]
  const path = names.map((each) => join(MODELS, `${each}.d.ts`)).find(existsSync)
  return path && readFileSync(path, 'utf8')
}

test('the words are those of the published TypeScript client', () => {
  let compared = 0
  for (const [name, { description, properties = {} }] of Object.entries(v2)) {
    const text = modelOf(name)
    const own = /\/\*\*\n\* ([^\n]*)\n\*\/\nexport declare class/.exec(text ?? '')?.[1]
    if (text === undefined || own === undefined) continue
    assert.equal(oneLine(description!), asWritten(own), name)
    for (const [, said, model] of text.matchAll(/\/\*\*\n {4}\* ([^\n]*)\n {4}\*\/\n {4}'([^']+)'/g)) {
      const field = model!.replace(/^_/, '').replaceAll('_', '-')
      if (properties[field]?.['$ref'] !== undefined) continue
      assert.equal(oneLine(properties[field]?.description ?? ''), asWritten(said!), `${name} ${field}`)
      compared++
    }
  }
  assert.ok(compared > 1_700, String(compared))
})
