import assert from 'node:assert/strict'
import test from 'node:test'
import protobufjs from 'protobufjs'
import { encodeGnosticV2 } from './gnostic-v2.ts'

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
