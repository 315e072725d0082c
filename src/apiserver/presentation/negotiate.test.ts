import assert from 'node:assert/strict'
import test from 'node:test'
import type { StatusError } from '#meta'
import { negotiate, type Offer, wantsPretty } from './negotiate.ts'

const OBJECTS: Offer = { streaming: false, protobuf: true, transforms: true }
const ERRORS: Offer = { ...OBJECTS, transforms: false }
const CUSTOM: Offer = { ...OBJECTS, protobuf: false }
const WATCH: Offer = { ...OBJECTS, streaming: true }
const TABLE = 'as=Table;g=meta.k8s.io;v=v1'
const METADATA = 'as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'

const ACCEPTED: readonly [accept: string | undefined, offer: Offer, form: string][] = [
  [undefined, OBJECTS, 'object json'],
  ['', OBJECTS, 'object json'],
  ['*/*', OBJECTS, 'object json'],
  ['application/*', OBJECTS, 'object json'],
  ['*', OBJECTS, 'object json'],
  ['application/yaml', OBJECTS, 'object yaml'],
  [PROTOBUF, OBJECTS, 'object protobuf'],
  [`${PROTOBUF},application/json`, OBJECTS, 'object protobuf'],
  [`${PROTOBUF};q=0.5,application/json;q=0.9`, OBJECTS, 'object json'],
  ['*/*, application/yaml', OBJECTS, 'object yaml'],
  ['text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', OBJECTS, 'object json'],
  ['application/cbor, application/json;q=0.1', OBJECTS, 'object json'],
  [`application/json;${TABLE}, application/json`, OBJECTS, 'table json'],
  [`application/yaml;${TABLE}`, OBJECTS, 'table yaml'],
  [`${PROTOBUF};${TABLE}, application/json`, OBJECTS, 'object json'],
  [`${PROTOBUF};${METADATA}`, OBJECTS, 'metadata protobuf'],
  [`${PROTOBUF};${METADATA}`, CUSTOM, 'metadata protobuf'],
  [`${PROTOBUF}, application/json`, CUSTOM, 'object json'],
  ['application/json;as=Table;g=meta.k8s.io;v=v2, application/json', OBJECTS, 'object json'],
  [`application/json;${TABLE}, ${PROTOBUF}`, ERRORS, 'object protobuf'],
  ['application/json;stream=watch', WATCH, 'object json'],
  [`${PROTOBUF};stream=watch`, WATCH, 'object protobuf'],
  ['application/json;stream=read, application/yaml', OBJECTS, 'object yaml'],
  ['application/json;sv=v1', OBJECTS, 'object json'],
  ['application/yaml;q= 0.9,application/json;q=0.1', OBJECTS, 'object json'],
  ['application/yaml;q=0.5=,application/json;q=0.4', OBJECTS, 'object yaml'],
  ['application/yaml;q=0.1,application/*', OBJECTS, 'object json'],
  ['application/*,application/yaml;q=0.1', OBJECTS, 'object yaml'],
  ['application/json/, application/yaml', OBJECTS, 'object json'],
]

for (const [accept, offer, form] of ACCEPTED) {
  const { streaming, protobuf, transforms } = offer
  test(`Accept: ${accept} (${JSON.stringify({ streaming, protobuf, transforms })}) is ${form}`, () => {
    const { as, encoding } = negotiate(accept, offer)
    assert.equal(`${as} ${encoding}`, form)
  })
}

const REFUSED: readonly [accept: string, offer: Offer, types: string][] = [
  ['text/html', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/cbor', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  [PROTOBUF, CUSTOM, `application/json, application/yaml, ${PROTOBUF}`],
  ['text/html', WATCH, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/yaml;stream=watch', WATCH, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/yaml;stream=watch', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/json;g=meta.k8s.io', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/json;v=v1', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/json;sv=v2', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/json;sv=v1', ERRORS, `application/json, application/yaml, ${PROTOBUF}`],
  ['APPLICATION/JSON', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  ['a/b/c,application', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  [`${PROTOBUF};${TABLE}`, OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
  [`application/json;${TABLE}`, ERRORS, `application/json, application/yaml, ${PROTOBUF}`],
  ['application/yaml', WATCH, `application/json;stream=watch, ${PROTOBUF};stream=watch`],
  ['nonsense', OBJECTS, `application/json, application/yaml, ${PROTOBUF}`],
]

for (const [accept, offer, types] of REFUSED) {
  test(`Accept: ${accept} is refused with what there is (${types})`, () => {
    assert.throws(
      () => negotiate(accept, offer),
      ({ status }: StatusError) =>
        status.code === 406 &&
        status.reason === 'NotAcceptable' &&
        status.message === `only the following media types are accepted: ${types}`,
    )
  })
}

const ROUTED: readonly [accept: string, route: 'object' | 'list', isLetThrough: boolean][] = [
  ['*/*;q=0.1', 'object', true],
  ['text/html, application/yaml', 'object', true],
  ['application/*', 'object', false],
  ['*', 'list', false],
  ['application/cbor', 'list', false],
  ['application/cbor', 'object', false],
]

for (const [accept, route, isLetThrough] of ROUTED) {
  test(`Accept: ${accept} is ${isLetThrough ? 'let through' : 'stopped'} by the route of ${route === 'list' ? 'a list' : 'an object'}`, () => {
    const streams = route === 'list' ? `, application/json;stream=watch, ${PROTOBUF};stream=watch` : ''
    const message = `406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, ${PROTOBUF}${streams}`
    const ask = (): unknown => negotiate(accept, { ...OBJECTS, route })
    if (isLetThrough) assert.ok(ask())
    else assert.throws(ask, ({ status }: StatusError) => status.message === message && status.details !== undefined)
  })
}

test('JSON is indented for people: by the query, by the program that asks', () => {
  const query = (text: string): URLSearchParams => new URLSearchParams(text)
  assert.equal(wantsPretty(query('pretty=1'), 'kubectl'), true)
  assert.equal(wantsPretty(query('pretty=true'), undefined), true)
  assert.equal(wantsPretty(query('pretty=0'), 'curl/8.0'), false)
  assert.equal(wantsPretty(query('pretty=maybe'), 'curl/8.0'), false)
  for (const agent of ['curl/8.0', 'Wget/1.2', 'Mozilla/5.0 (X11)']) assert.equal(wantsPretty(query(''), agent), true)
  assert.equal(wantsPretty(undefined, 'kubectl/v1.32'), false)
  assert.equal(negotiate('application/json;pretty=1', OBJECTS).pretty, true)
})
