import type { ResourceDefinition } from '#api'
import { MEDIA_TYPES, type Operation, operationsOf, type Payload } from './operations.ts'
import type { Parameter } from './parameters.ts'
import type { PlainPath } from './plain-paths.ts'
import { type Dialect, type Json, reference } from './schema-json.ts'
import { SharedParameters } from './shared-parameters.ts'

/** How the payloads of a resource are written where they are used. */
export type PayloadSchema = (payload: Payload, resource: ResourceDefinition, dialect: Dialect) => Json

export interface Paths {
  readonly paths: Json
  /** What the paths refer to; v3 shares none. */
  readonly parameters: Json
}

interface Documented {
  readonly operation: Operation
  readonly resource: ResourceDefinition
}

/** Every path with what can be done there. */
export function pathsOf(
  resources: readonly ResourceDefinition[],
  plainPaths: readonly PlainPath[],
  payloadSchema: PayloadSchema,
  dialect: Dialect,
): Paths {
  const shared = new SharedParameters()
  const byPath = new Map<string, Documented[]>()
  for (const resource of resources) {
    for (const operation of operationsOf(resource)) {
      const at = byPath.get(operation.path)
      if (at === undefined) byPath.set(operation.path, [{ operation, resource }])
      else at.push({ operation, resource })
    }
  }
  const paths = new Map<string, Json>(plainPaths.map((plain) => [plain.path, { get: plainJson(plain, dialect) }]))
  const items = new Items(payloadSchema, dialect, shared)
  for (const [path, documented] of byPath) paths.set(path, items.of(documented))
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1))
  return { paths: Object.fromEntries(sorted), parameters: shared.definitions }
}

class Items {
  readonly #payloadSchema: PayloadSchema
  readonly #dialect: Dialect
  readonly #shared: SharedParameters

  constructor(payloadSchema: PayloadSchema, dialect: Dialect, shared: SharedParameters) {
    this.#payloadSchema = payloadSchema
    this.#dialect = dialect
    this.#shared = shared
  }

  /** One path. What all that is done there takes is told once. */
  of(documented: readonly Documented[]): Json {
    const everywhere = commonParameters(documented.map(({ operation }) => operation.parameters))
    const item: Json = {}
    for (const { operation, resource } of documented) {
      const own = operation.parameters.filter((parameter) => !everywhere.has(keyOf(parameter)))
      item[operation.method] = this.#operation(operation, resource, own)
    }
    return { ...item, ...withParameters(inOrder([...everywhere.values()].map((each) => this.#parameter(each))).map(this.#refer)) }
  }

  #operation(operation: Operation, resource: ResourceDefinition, own: readonly Parameter[]): Json {
    const { action, consumes, produces, requestRequired } = operation
    const request = operation.request && this.#payloadSchema(operation.request, resource, this.#dialect)
    const json: Json = {
      tags: [operation.tag],
      operationId: operation.id,
      description: operation.description,
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': operation.gvk,
    }
    const parameters = own.map((each) => this.#parameter(each))
    const response = this.#payloadSchema(operation.response, resource, this.#dialect)
    const responses = responsesJson(operation.codes, response, produces, this.#dialect)
    if (this.#dialect === 'v2') {
      if (request !== undefined)
        parameters.push({ name: 'body', in: 'body', ...(requestRequired && { required: true }), schema: request })
      const all = withParameters(inOrder(parameters).map(this.#refer))
      return { ...json, consumes, produces, schemes: ['https'], ...all, responses }
    }
    if (request !== undefined)
      json['requestBody'] = { ...(requestRequired && { required: true }), content: contentOf(consumes, request) }
    return { ...json, ...withParameters(inOrder(parameters)), responses }
  }

  #parameter({ name, in: place, type, description }: Parameter): Json {
    const base = { name, in: place, description, ...(place === 'path' && { required: true }) }
    return this.#dialect === 'v2' ? { ...base, type, uniqueItems: true } : { ...base, schema: { type, uniqueItems: true } }
  }

  readonly #refer = (parameter: Json): Json => (this.#dialect === 'v2' ? this.#shared.refer(parameter) : parameter)
}

const keyOf = (parameter: Pick<Parameter, 'in' | 'name'>): string => `${parameter.name} ${parameter.in}`

/** What every one of some lists has. */
function commonParameters(lists: readonly (readonly Parameter[])[]): ReadonlyMap<string, Parameter> {
  const [first = [], ...others] = lists.map((list) => new Map(list.map((each) => [keyOf(each), each])))
  return new Map([...first].filter(([key]) => others.every((other) => other.has(key))))
}

const inOrder = (parameters: readonly Json[]): Json[] =>
  parameters.toSorted((a, b) => (keyOf(a as unknown as Parameter) < keyOf(b as unknown as Parameter) ? -1 : 1))

function plainJson({ id, tag, description, response }: PlainPath, dialect: Dialect): Json {
  const json = { tags: [tag], operationId: id, description }
  const schema: Json = response === undefined ? { type: 'string' } : reference(dialect, response)
  const isObject = response?.includes('.meta.v1.') ?? false
  const types = isObject ? MEDIA_TYPES : ['application/json']
  const responses = responsesJson(['200'], schema, types, dialect)
  if (dialect === 'v3') return { ...json, responses }
  return { ...json, consumes: types, produces: types, schemes: ['https'], responses }
}

const CODE_NAMES: Readonly<Record<string, string>> = { '200': 'OK', '201': 'Created', '202': 'Accepted' }

function responsesJson(codes: readonly string[], schema: Json, types: readonly string[], dialect: Dialect): Json {
  const body = dialect === 'v2' ? { schema } : { content: contentOf(types, schema) }
  const told = codes.map((code) => [code, { description: CODE_NAMES[code], ...body }])
  return { ...Object.fromEntries(told), '401': { description: 'Unauthorized' } }
}

const contentOf = (types: readonly string[], schema: Json): Json => Object.fromEntries(types.map((type) => [type, { schema }]))

/** Upstream's documents have no empty lists. */
const withParameters = (parameters: readonly Json[]): Json => (parameters.length === 0 ? {} : { parameters })
