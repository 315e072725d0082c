import {
  anyValues,
  entries,
  externalDocs,
  isNumber,
  limits,
  list,
  Message,
  vendorExtensions,
  yamlText,
} from './gnostic-message.ts'
import type { Json } from './schema-json.ts'

/** Encodes an OpenAPI 3.0 document as `openapi.v3.Document` (field numbers: google/gnostic, openapiv3/OpenAPIv3.proto). */
export function encodeGnosticV3(document: Json): Uint8Array {
  const out = new Message()
  out.string(1, document['openapi'])
  out.message(2, (info) => {
    const { title, version } = document['info'] as Json
    info.string(1, title).string(6, version)
  })
  out.message(4, (paths) => {
    for (const [path, item] of entries(document['paths'])) {
      paths.message(1, (named) => named.string(1, path).message(2, (message) => pathItem(message, item)))
    }
  })
  const components = document['components'] as Json
  out.message(5, (message) => {
    message.message(1, (schemas) => namedSchemas(schemas, components['schemas']))
    if (components['securitySchemes'] === undefined) return
    message.message(7, (schemes) => {
      for (const [name, scheme] of entries(components['securitySchemes'])) {
        schemes.message(1, (named) =>
          named.string(1, name).message(2, (value) => value.message(1, (own) => securityScheme(own, scheme))),
        )
      }
    })
  })
  return out.finish()
}

const METHOD_FIELDS = { get: 4, put: 5, post: 6, delete: 7, options: 8, head: 9, patch: 10 } as const

function pathItem(out: Message, item: Json): void {
  for (const [method, field] of Object.entries(METHOD_FIELDS)) {
    const operation = item[method] as Json | undefined
    if (operation !== undefined) out.message(field, (message) => operationMessage(message, operation))
  }
  for (const each of list(item['parameters']))
    out.message(13, (either) => either.message(1, (message) => parameter(message, each)))
}

function operationMessage(out: Message, operation: Json): void {
  out.strings(1, operation['tags']).string(3, operation['description']).string(5, operation['operationId'])
  for (const each of list(operation['parameters']))
    out.message(6, (either) => either.message(1, (message) => parameter(message, each)))
  const body = operation['requestBody'] as Json | undefined
  if (body !== undefined) {
    out.message(7, (either) => {
      either.message(1, (message) => {
        message.message(2, (types) => mediaTypes(types, body['content'])).bool(3, body['required'])
      })
    })
  }
  out.message(8, (responses) => {
    for (const [code, response] of entries(operation['responses'])) {
      responses.message(2, (named) => {
        named.string(1, code).message(2, (either) => {
          either.message(1, (message) => {
            message.string(1, response['description'])
            if (response['content'] !== undefined) message.message(3, (types) => mediaTypes(types, response['content']))
          })
        })
      })
    }
  })
  vendorExtensions(out, 13, operation)
}

function mediaTypes(out: Message, content: unknown): void {
  for (const [type, { schema: body }] of entries(content)) {
    out.message(1, (named) => {
      named.string(1, type).message(2, (message) => message.message(1, (either) => schemaOrReference(either, body as Json)))
    })
  }
}

function parameter(out: Message, json: Json): void {
  out.string(1, json['name']).string(2, json['in']).string(3, json['description']).bool(4, json['required'])
  out.message(10, (either) => schemaOrReference(either, json['schema'] as Json))
}

function schemaOrReference(out: Message, json: Json): void {
  if (json['$ref'] === undefined) out.message(1, (message) => schema(message, json))
  else out.message(2, (reference) => reference.string(1, json['$ref']))
}

function schema(out: Message, json: Json): void {
  out.bool(1, json['nullable'])
  externalDocs(out, 6, json)
  if (json['example'] !== undefined) out.message(7, (any) => yamlText(any, json['example']))
  out.string(9, json['title'])
  limits(out, 10, json)
  out.strings(23, json['required'])
  anyValues(out, 24, json['enum'])
  out.string(25, json['type'])
  for (const [key, field] of [
    ['allOf', 26],
    ['oneOf', 27],
    ['anyOf', 28],
  ] as const) {
    for (const each of list(json[key])) out.message(field, (either) => schemaOrReference(either, each))
  }
  const not = json['not'] as Json | undefined
  if (not !== undefined) out.message(29, (message) => schema(message, not))
  const items = json['items'] as Json | undefined
  if (items !== undefined) out.message(30, (item) => item.message(1, (either) => schemaOrReference(either, items)))
  if (json['properties'] !== undefined) out.message(31, (properties) => namedSchemas(properties, json['properties']))
  const additional = json['additionalProperties'] as Json | boolean | undefined
  if (typeof additional === 'object')
    out.message(32, (item) => item.message(1, (either) => schemaOrReference(either, additional)))
  else if (additional !== undefined) out.message(32, (item) => item.choice(2, additional))
  if (json['default'] !== undefined) out.message(33, (value) => defaultType(value, json['default']))
  out.string(34, json['description']).string(35, json['format'])
  vendorExtensions(out, 36, json)
}

/** The format has no place for objects and lists; they are there, and empty. */
function defaultType(out: Message, value: unknown): void {
  if (isNumber(value)) out.double(1, Number(value))
  else if (typeof value === 'boolean') out.choice(2, value)
  else if (typeof value === 'string') out.strings(3, [value])
}

function namedSchemas(out: Message, schemas: unknown): void {
  for (const [name, json] of entries(schemas)) {
    out.message(1, (named) => named.string(1, name).message(2, (either) => schemaOrReference(either, json)))
  }
}

function securityScheme(out: Message, scheme: Json): void {
  out.string(1, scheme['type']).string(2, scheme['description']).string(3, scheme['name']).string(4, scheme['in'])
}
