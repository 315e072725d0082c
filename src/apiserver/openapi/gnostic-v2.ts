import { anyValues, entries, externalDocs, limits, list, Message, vendorExtensions, yamlText } from './gnostic-message.ts'
import type { Json } from './schema-json.ts'

/**
 * Encodes a Swagger 2.0 document as `openapi.v2.Document`, the protobuf form that kubectl before 1.27 insists on
 * (field numbers: google/gnostic, openapiv2/OpenAPIv2.proto).
 */
export function encodeGnosticV2(document: Json): Uint8Array {
  const out = new Message()
  out.string(1, document['swagger'])
  out.message(2, (info) => {
    const { title, version } = document['info'] as Json
    info.string(1, title).string(2, version)
  })
  out.message(8, (paths) => {
    for (const [path, item] of entries(document['paths'])) paths.message(2, (named) => pathItem(named.string(1, path), item))
  })
  out.message(9, (definitions) => namedSchemas(definitions, document['definitions']))
  if (document['parameters'] !== undefined)
    out.message(10, (parameters) => {
      for (const [name, json] of entries(document['parameters']))
        parameters.message(1, (named) => named.string(1, name).message(2, (message) => parameter(message, json)))
    })
  for (const requirement of list(document['security'])) {
    out.message(12, (message) => {
      for (const [name, scopes] of entries(requirement))
        message.message(1, (named) => named.string(1, name).message(2, (values) => values.strings(1, scopes)))
    })
  }
  if (document['securityDefinitions'] !== undefined)
    out.message(13, (schemes) => {
      for (const [name, scheme] of entries(document['securityDefinitions']))
        schemes.message(1, (named) => named.string(1, name).message(2, (item) => item.message(2, (own) => apiKey(own, scheme))))
    })
  return out.finish()
}

const apiKey = (out: Message, { type, name, in: place, description }: Json): Message =>
  out.string(1, type).string(2, name).string(3, place).string(4, description)

const METHOD_FIELDS = { get: 2, put: 3, post: 4, delete: 5, options: 6, head: 7, patch: 8 } as const
const SUBSCHEMA_FIELDS = { query: 3, path: 4 } as const

function pathItem(named: Message, item: Json): void {
  named.message(2, (out) => {
    for (const [method, field] of Object.entries(METHOD_FIELDS)) {
      const operation = item[method] as Json | undefined
      if (operation !== undefined) out.message(field, (message) => operationMessage(message, operation))
    }
    for (const each of list(item['parameters'])) out.message(9, (message) => parameterItem(message, each))
  })
}

function operationMessage(out: Message, operation: Json): void {
  out.strings(1, operation['tags']).string(3, operation['description']).string(5, operation['operationId'])
  out.strings(6, operation['produces']).strings(7, operation['consumes'])
  for (const each of list(operation['parameters'])) out.message(8, (message) => parameterItem(message, each))
  out.message(9, (responses) => {
    for (const [code, response] of entries(operation['responses'])) {
      responses.message(1, (named) => {
        named.string(1, code).message(2, (value) => value.message(1, (message) => responseMessage(message, response)))
      })
    }
  })
  out.strings(10, operation['schemes'])
  vendorExtensions(out, 13, operation)
}

function responseMessage(out: Message, response: Json): void {
  out.string(1, response['description'])
  const body = response['schema'] as Json | undefined
  if (body !== undefined) out.message(2, (item) => item.message(1, (message) => schema(message, body)))
}

/** A parameter, or a reference to one. */
function parameterItem(out: Message, json: Json): void {
  if (json['$ref'] === undefined) out.message(1, (either) => parameter(either, json))
  else out.message(2, (reference) => reference.string(1, json['$ref']))
}

function parameter(out: Message, json: Json): void {
  if (json['in'] === 'body') {
    out.message(1, (body) => {
      body.string(2, json['name']).string(3, 'body').bool(4, json['required'])
      body.message(5, (message) => schema(message, json['schema'] as Json))
    })
    return
  }
  const place = json['in'] as keyof typeof SUBSCHEMA_FIELDS
  out.message(2, (other) => {
    other.message(SUBSCHEMA_FIELDS[place], (message) => {
      message.bool(1, json['required']).string(2, place).string(3, json['description']).string(4, json['name'])
      // The query form has allow_empty_value before its type.
      message.string(place === 'query' ? 6 : 5, json['type'])
      message.bool(place === 'query' ? 20 : 19, json['uniqueItems'])
    })
  })
}

function schema(out: Message, json: Json): void {
  out.string(1, json['$ref']).string(2, json['format']).string(3, json['title']).string(4, json['description'])
  limits(out, 6, json)
  out.strings(19, json['required'])
  anyValues(out, 20, json['enum'])
  const additional = json['additionalProperties'] as Json | boolean | undefined
  if (typeof additional === 'object') out.message(21, (item) => item.message(1, (message) => schema(message, additional)))
  else if (additional !== undefined) out.message(21, (item) => item.choice(2, additional))
  if (typeof json['type'] === 'string') out.message(22, (type) => type.string(1, json['type']))
  const items = json['items'] as Json | undefined
  if (items !== undefined) out.message(23, (item) => item.message(1, (message) => schema(message, items)))
  if (json['properties'] !== undefined) out.message(25, (properties) => namedSchemas(properties, json['properties']))
  externalDocs(out, 29, json)
  if (json['example'] !== undefined) out.message(30, (any) => yamlText(any, json['example']))
  vendorExtensions(out, 31, json)
}

function namedSchemas(out: Message, schemas: unknown): void {
  for (const [name, json] of entries(schemas)) {
    out.message(1, (named) => named.string(1, name).message(2, (message) => schema(message, json)))
  }
}
