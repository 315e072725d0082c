import type { FieldError, KubernetesObject, ObjectMeta, Oddities, Schema, Structure } from '#meta'

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch'

/** What a table cell may hold; `date` columns take an RFC 3339 time or a ready-made age. */
export interface Column<T> {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: string
  /** A function where the words are published ones, which are read when a table is made. */
  readonly description?: string | (() => string)
  /** 0 shows always, 1 with `-o wide`. */
  readonly priority?: number
  value(object: T, context: { readonly nowMs: number }): string | number | boolean | undefined | null
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export interface RowCondition {
  readonly type: 'Completed'
  readonly status: 'True'
  readonly reason: string
  readonly message: string
}

export interface ScalePaths {
  /** Simple JSON paths such as `.spec.replicas`. */
  readonly spec: string
  readonly status: string
  readonly selector?: string
}

/**
 * A subresource that is not `status` or `scale`, declared for discovery and RBAC; its handler is one file in
 * `apiserver/subresources`. `kind` names what its body is, when that differs from the parent's kind.
 */
export interface SubresourceDefinition {
  readonly verbs: readonly ('create' | 'get' | 'update' | 'patch')[]
  readonly group?: string
  readonly version?: string
  readonly kind: string
  /** HTTP methods of a connect subresource (exec, proxy ...), in lower case. */
  readonly connect?: readonly string[]
  /** Also served with a trailing path. */
  readonly pathSuffix?: boolean
}

export interface ValidationContext<T = KubernetesObject> {
  readonly nowMs: number
  /** Nothing of that name was there before. */
  readonly isNew?: boolean
  /** What an update finds: what was wrong with it before there was a rule may be allowed to stay. */
  readonly old?: T
}

/** Reads one field. A method's type, so that a definition of any kind is a definition of KubernetesObject. */
export type FieldReader<T> = { read(object: T): string }['read']

export interface DefaultOptions {
  /** Whether the object is what an apply made, whose nulls stand. */
  readonly isApplied?: boolean | undefined
}

/** How a kind is served. Built-in kinds and CRDs compile to this; discovery, OpenAPI, tables, patch, apply, watch and GC read it. */
export interface ResourceDefinition<T extends KubernetesObject = KubernetesObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly listKind: string
  readonly scope: 'Namespaced' | 'Cluster'
  readonly names: {
    readonly plural: string
    readonly singular: string
    readonly shortNames: readonly string[]
    readonly categories: readonly string[]
  }
  readonly verbs: readonly Verb[]
  /** Resolved on first use: linking all schemas takes time that start-up does not have. */
  schema(): Schema
  /** Reads a decoded document, where that takes more than the schema. Throws `StructureError`. */
  readonly conform?: ((document: unknown, oddities?: Oddities) => Structure) | undefined
  /** What only the kinds have that users define. */
  readonly custom?: CustomKind | undefined
  readonly subresources: {
    readonly status: boolean
    readonly scale?: ScalePaths | undefined
    readonly others: Readonly<Record<string, SubresourceDefinition>>
  }
  /** Field selectors beyond metadata.name and metadata.namespace: path to value. */
  readonly selectableFields: Readonly<Record<string, FieldReader<T>>>
  readonly columns: readonly Column<T>[]
  /** What a table says of a row beside its cells: a pod that is done. */
  rowConditions?(object: T): readonly RowCondition[]
  /** The order of the rows of a list, where it is not the one of names. */
  rowOrder?(a: T, b: T): number
  /** False for kinds that are computed and never stored (SubjectAccessReview, TokenReview ...). */
  readonly stored: boolean
  /** Several versions of one kind share a storage form; absent when this version is the stored one. */
  readonly storage?: StorageForm<T> | undefined
  /** An older version that it is stored in nevertheless, for servers of a release before, or for its size; it is read like every older version. */
  readonly storedAs?: OlderForm<T> | undefined
  /** Store TTL in seconds (Events). */
  readonly ttlSeconds?: number | undefined
  /** Whether `metadata.generation` counts changes of everything but metadata and status. */
  readonly generation: boolean
  /** Whether a PUT may leave out the resourceVersion, which then means whatever is there. */
  readonly unconditionalUpdate: boolean
  /** Whether a PUT of what is not there creates it. */
  readonly createsOnUpdate: boolean
  /** Whether a delete answers with the object as it last was; with a Status otherwise, as most kinds do. */
  readonly returnsDeleted: boolean
  /** Fields that update keeps (`spec.x`, upstream's paths): a change is 422 `field is immutable`. */
  readonly immutableFields: readonly string[]
  /** Yields problems with `metadata.name`; the default is a DNS-1123 subdomain. */
  validateName(name: string, prefix: boolean): Iterable<string>
  /** Fills absent fields in place, as upstream's SetDefaults and +default markers. Runs on every decode. */
  default(draft: T, how?: DefaultOptions): void
  /** Whether a status that is created with the object stays; a kubelet registers its node in one call. */
  readonly keepsStatusOnCreate: boolean
  /** Clears or sets what clients may not (status on create, and so on), in place; `warnings` is for what only it sees. */
  prepareForCreate(draft: T, warnings: string[]): void
  prepareForUpdate(draft: T, old: T): void
  /** The same for a write through `status`. */
  prepareForStatusUpdate(draft: T, old: T): void
  /** Adds everything wrong with the object to `found`, in upstream's field order and wording. */
  validate(object: T, found: FieldError[], context: ValidationContext<T>): void
  validateUpdate(object: T, old: T, found: FieldError[], context: ValidationContext): void
  /** Whether `validateUpdate` says all there is to say of an update, so that what was invalid before may stay so. */
  readonly ratchets: boolean
  validateStatusUpdate(object: T, old: T, found: FieldError[], context: ValidationContext): void
  /** As `validateUpdate`, for a write through a subresource other than status (`ephemeralcontainers`, `resize` ...). */
  validateSubresourceUpdate(subresource: string, object: T, old: T, found: FieldError[], context: ValidationContext): void
  /** Adds sentences for the `Warning:` header of an accepted write to `warnings`. */
  warnings(object: T, old: T | undefined, warnings: string[]): void
  /** The same for a write through `status`. */
  statusWarnings(object: T, warnings: string[]): void
  /** Said to everyone who uses the kind in this version. */
  readonly deprecation?: string | undefined
  /**
   * Seconds of grace a delete gets when the kind is deleted gracefully (pods), before the client's own wish is applied;
   * undefined: deleted at once.
   */
  gracePeriodSeconds(object: T): number | undefined
  /** Marks the object when its deletion begins (a namespace's phase), in place. */
  prepareForDelete(draft: T): void
  /** Whether something of the kind's own, beside `metadata.finalizers`, must be gone before the object is (a namespace's content). */
  blocksDeletion(object: T): boolean
  /** What upstream does to dependents when a delete names no policy. */
  readonly defaultPropagation: 'Background' | 'Foreground' | 'Orphan'
}

/** One version of a kind that a CustomResourceDefinition declares. Defaults, admission and validation see this version, whichever is stored. */
export interface CustomKind {
  /**
   * Objects as stored, in any version, as this version shows them: with defaults, converted, pruned. An object that needs nothing comes back itself.
   * A promise where a webhook has to be asked, once for all of them; it rejects with a Status.
   */
  show(stored: readonly KubernetesObject[]): readonly KubernetesObject[] | Promise<readonly KubernetesObject[]>
  /** An object of this version in the version that is stored. */
  toStored(object: KubernetesObject): KubernetesObject | Promise<KubernetesObject>
  /** Another version of the same kind, as far as that can be had without asking a webhook. */
  adopt(object: KubernetesObject): KubernetesObject
  /** Differs between any two states of the definition that clients could tell apart. */
  readonly fingerprint: string
  /** The definition is being deleted: nothing new may come. */
  readonly isTerminating: boolean
  /** In which objects are kept. */
  readonly storedVersion: string
}

/** What is stored in the form of another version. Defaults and validation of such a kind see the stored form. */
export interface StorageForm<T> {
  readonly group: string
  readonly version: string
  readonly kind: string
  toStored(object: T): KubernetesObject
  fromStored(stored: KubernetesObject): T
}

export interface OlderForm<T> {
  readonly version: string
  /** All but its apiVersion. */
  write(object: T): KubernetesObject
}

/** What `defineResource` takes: the names, and whatever differs from the plain case. */
export type ResourceInput<T extends KubernetesObject> = Pick<ResourceDefinition<T>, 'group' | 'version' | 'kind' | 'scope'> &
  Partial<
    Omit<ResourceDefinition<T>, 'group' | 'version' | 'kind' | 'scope' | 'names' | 'subresources' | 'validate' | 'schema'>
  > & {
    readonly names: {
      readonly plural: string
      readonly singular?: string
      readonly shortNames?: readonly string[]
      readonly categories?: readonly string[]
    }
    readonly subresources?: {
      readonly status?: boolean
      readonly scale?: ScalePaths
      readonly others?: Readonly<Record<string, SubresourceDefinition>>
    }
    /** The OpenAPI definition name, or the schema itself (CRDs). */
    readonly schema: string | (() => Schema)
    readonly validate?: (object: T, found: FieldError[], context: ValidationContext<T>) => void
  }

/** An object whose metadata is present, as everything that was stored is. */
export type Stored<T extends KubernetesObject> = T & {
  metadata: ObjectMeta & { name: string; uid: string; resourceVersion: string }
}
