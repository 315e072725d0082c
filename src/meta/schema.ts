/**
 * The shape of an API type: what strategic merge patch, apply, field validation, OpenAPI and pruning read.
 * Built-in kinds get theirs from the generated tables, custom kinds from their CRD; the engine sees no difference.
 * A node with `ref` stands for that definition: read it through {@link deref}.
 */
export interface Schema {
  readonly ref?: Schema
  /** The OpenAPI definition name of a named node, e.g. `io.k8s.api.core.v1.PodSpec`. */
  readonly name?: string
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly format?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly listMapKeys?: readonly string[]
  readonly mapType?: 'atomic' | 'granular'
  readonly patchStrategy?: string
  readonly patchMergeKey?: string
  /** Which fields exclude each other, as OpenAPI says it. */
  readonly unions?: readonly unknown[]
  readonly intOrString?: boolean
  readonly preserveUnknownFields?: boolean
  readonly embeddedResource?: boolean
  readonly nullable?: boolean
  /** A property that upstream's objects have even while nobody set it: a struct not behind a pointer, or a scalar or list that is written when empty. */
  readonly always?: boolean
  /** A property that upstream writes as null while it is not set: a time or open JSON not behind a pointer, or a pointer without omitempty. We leave it out. */
  readonly writtenAsNull?: boolean
  /** A property that upstream leaves out when it holds its type's zero value, an empty list or an empty map: one with omitempty and no pointer. */
  readonly omitsZero?: boolean
  /** The structs, by Go's names with dots between, from which a property is inlined: messages of decoders name them. */
  readonly inlined?: string
  /** A property's type where its JSON says less: `v1.DNSPolicy` of a string, `[]v1.FinalizerName` of a list. */
  readonly goType?: string
  readonly gvk?: readonly (readonly [group: string, version: string, kind: string])[]
  /** What OpenAPI says of the node, when that is not all in the fields above (custom kinds). */
  readonly published?: (version: 'v2' | 'v3') => Record<string, unknown>
}

export function deref(schema: Schema): Schema {
  return schema.ref ?? schema
}
