import assert from 'node:assert/strict'
import test from 'node:test'
import protobufjs from 'protobufjs'
import { encodeGnosticV2 } from './gnostic-v2.ts'
import { encodeGnosticV3 } from './gnostic-v3.ts'

/** The part of OpenAPIv2.proto that says how clients prove who they are, read by another library than ours. */
const messages = protobufjs.parse(
  `syntax = "proto3";
  message Document { string swagger = 1; repeated SecurityRequirement security = 12; SecurityDefinitions security_definitions = 13; }
  message SecurityRequirement { repeated NamedStringArray additional_properties = 1; }
  message NamedStringArray { string name = 1; StringArray value = 2; }
  message StringArray { repeated string value = 1; }
  message SecurityDefinitions { repeated NamedItem additional_properties = 1; }
  message NamedItem { string name = 1; Item value = 2; }
  message Item { ApiKeySecurity api_key_security = 2; }
  message ApiKeySecurity { string type = 1; string name = 2; string in = 3; string description = 4; }`,
  { keepCase: true },
).root

test('how clients prove who they are is in the protobuf form of OpenAPI v2 as well', () => {
  const scheme = { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' }
  const document = {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.36.4' },
    paths: {},
    definitions: {},
    securityDefinitions: { BearerToken: scheme },
    security: [{ BearerToken: [] }],
  }
  const type = messages.lookupType('Document')
  assert.deepEqual(type.toObject(type.decode(encodeGnosticV2(document))), {
    swagger: '2.0',
    security: [{ additional_properties: [{ name: 'BearerToken', value: {} }] }],
    security_definitions: { additional_properties: [{ name: 'BearerToken', value: { api_key_security: scheme } }] },
  })
})

/** As gnostic-models writes them. */
const OLD =
  '0a03322e3012060a0161120162421d121b0a012f12164a1412120a10232f706172616d65746572732f612d314a330a310a0141122c1a016139000000000000f83f500160ffffffffffffffffff016a0162aa01021000b201080a06737472696e6752220a200a03612d31121912171a15120571756572792201613206737472696e67a00101'
const FULL =
  '0a05332e302e3012060a016132016222002a3f0a3d0a3b0a014112360a344a016159000000000000f83f70018001ffffffffffffffffff018a010162ca0106737472696e67ea010082020210008a02021000'

test('what bounds a value, what is shared and what refers to it are in the protobuf forms as well', () => {
  const bounds = { title: 'a', maximum: 1.5, exclusiveMinimum: true, minLength: -1, pattern: 'b' }
  const schema = { type: 'string', ...bounds, additionalProperties: false }
  const info = { title: 'a', version: 'b' }
  const parameters = { 'a-1': { name: 'a', in: 'query', type: 'string', uniqueItems: true } }
  const paths = { '/': { parameters: [{ $ref: '#/parameters/a-1' }] } }
  const old = encodeGnosticV2({ swagger: '2.0', info, paths, parameters, definitions: { A: schema } })
  assert.equal(Buffer.from(old).toString('hex'), OLD)
  const schemas = { A: { ...schema, not: {}, default: false } }
  const full = encodeGnosticV3({ openapi: '3.0.0', info, paths: {}, components: { schemas } })
  assert.equal(Buffer.from(full).toString('hex'), FULL)
})
