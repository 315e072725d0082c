import { deepClone, deepEqual } from '#base'
import { apiVersionOf, compareVersions, type KubernetesObject, parseApiVersion, type Schema, type Structure } from '#meta'
import { defineResource } from '../define-resource.ts'
import type { FieldReader, ResourceDefinition, Verb } from '../definition.ts'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  SelectableField,
} from '../generated/types.ts'
import { printerColumns } from './printer-columns.ts'
import { apiSchema } from './schema/api-schema.ts'
import { fillDefaults } from './schema/fill-defaults.ts'
import { valueAt } from './schema/nested.ts'
import { pruneObject } from './schema/prune.ts'
import { type Structural, structuralOf } from './schema/structural.ts'
import {
  type CustomRules,
  finalizerWarnings,
  toleranceWarnings,
  validateCustom,
  validateCustomStatus,
} from './validate-custom.ts'

export type Converted = readonly KubernetesObject[] | Promise<readonly KubernetesObject[]>

/** Turns objects of one custom kind into `apiVersion`, all in one go; none has it already. May reject with a Status. */
export type Convert = (objects: readonly KubernetesObject[], apiVersion: string) => Converted

const VERBS: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const KEEPS_ANYTHING: Structural = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

/**
 * The served versions of an established CustomResourceDefinition, each as a kind like any other
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
 */
export function customKinds(crd: CustomResourceDefinition, convert: Convert): ResourceDefinition[] {
  const family = new Family(crd, convert)
  return crd.spec.versions.filter(({ served }) => served).map((version) => family.define(version))
}

/** What the versions of a kind have in common. */
class Family {
  readonly #crd: CustomResourceDefinition
  readonly #convert: Convert
  readonly #schemas: ReadonlyMap<string, Structural>
  readonly #stored: string

  constructor(crd: CustomResourceDefinition, convert: Convert) {
    this.#crd = crd
    this.#convert = convert
    this.#schemas = new Map(crd.spec.versions.map((version) => [version.name, schemaOfVersion(crd, version)]))
    this.#stored = crd.spec.versions.find(({ storage }) => storage)?.name ?? ''
  }

  define(version: CustomResourceDefinitionVersion): ResourceDefinition {
    const { metadata, spec, status } = this.#crd
    const names = status?.acceptedNames ?? spec.names
    const gvk = { group: spec.group, version: version.name, kind: names.kind }
    const schema = this.#schemas.get(version.name)!
    const { subresources } = version
    const rules: CustomRules = { schema, scale: subresources?.scale }
    let published: Schema | undefined
    const isTerminating = metadata?.deletionTimestamp !== undefined
    return defineResource<KubernetesObject>({
      ...gvk,
      listKind: names.listKind ?? `${names.kind}List`,
      scope: spec.scope as 'Namespaced' | 'Cluster',
      names: {
        plural: names.plural,
        singular: names.singular ?? names.kind.toLowerCase(),
        shortNames: names.shortNames ?? [],
        categories: names.categories ?? [],
      },
      verbs: VERBS,
      subresources: subresourcesOf(subresources),
      selectableFields: selectableFieldsOf(version.selectableFields ?? []),
      columns: printerColumns(version.additionalPrinterColumns),
      generation: true,
      unconditionalUpdate: false,
      ratchets: true,
      schema: () => (published ??= apiSchema(schema, gvk)),
      conform: (document): Structure => pruneObject(document, schema),
      default: (draft, how) => fillDefaults(draft, schema, how),
      validate: (object, found) => validateCustom(object, rules, undefined, found),
      validateUpdate: (object, old, found) => validateCustom(object, rules, old, found),
      validateStatusUpdate: (object, old, found) => validateCustomStatus(object, rules, old, found),
      validateSubresourceUpdate: (_, object, old, found) => validateCustom(object, rules, old, found),
      warnings(object, old, warnings) {
        toleranceWarnings(object, warnings)
        finalizerWarnings(object, old, warnings)
      },
      statusWarnings: toleranceWarnings,
      deprecation: deprecationOf(gvk, version, spec.versions),
      custom: {
        show: (stored) => this.#show(stored, gvk, schema),
        toStored: (object) => this.#toStored(object, gvk),
        adopt: (object) => this.#pruned({ ...object, apiVersion: apiVersionOf(gvk) }, schema),
        fingerprint: JSON.stringify([metadata?.uid, names, version, this.#stored, isTerminating]),
        isTerminating,
        storedVersion: this.#stored,
      },
    })
  }

  #show(stored: readonly KubernetesObject[], gvk: { group: string; version: string }, schema: Structural): Converted {
    const apiVersion = apiVersionOf(gvk)
    const filled = stored.map((object) => this.#filled(object))
    const others = filled.filter((object) => object.apiVersion !== apiVersion)
    const finish = (converted: readonly KubernetesObject[]): readonly KubernetesObject[] => {
      let next = 0
      return filled.map((object, index) => {
        const shown = this.#pruned(object.apiVersion === apiVersion ? object : converted[next++]!, schema)
        return deepEqual(shown, stored[index]) ? stored[index]! : shown
      })
    }
    const converted = others.length === 0 ? [] : this.#convert(others, apiVersion)
    return converted instanceof Promise ? converted.then(finish) : finish(converted)
  }

  #toStored(object: KubernetesObject, gvk: { group: string; version: string }): KubernetesObject | Promise<KubernetesObject> {
    if (gvk.version === this.#stored) return object
    const apiVersion = apiVersionOf({ group: gvk.group, version: this.#stored })
    const converted = this.#convert([object], apiVersion)
    const finish = ([stored]: readonly KubernetesObject[]): KubernetesObject =>
      this.#pruned(stored!, this.#schemas.get(this.#stored)!)
    return converted instanceof Promise ? converted.then(finish) : finish(converted)
  }

  /** A copy with the defaults of the version that it was stored in. */
  #filled(object: KubernetesObject): KubernetesObject {
    const schema = this.#schemas.get(parseApiVersion(object.apiVersion ?? '').version)
    if (schema === undefined) return object
    const copy = deepClone(object)
    fillDefaults(copy, schema)
    return copy
  }

  #pruned(object: KubernetesObject, schema: Structural): KubernetesObject {
    return pruneObject(object, schema, { lenient: true }).value as KubernetesObject
  }
}

function schemaOfVersion({ spec }: CustomResourceDefinition, { schema }: CustomResourceDefinitionVersion): Structural {
  if (schema?.openAPIV3Schema === undefined) return KEEPS_ANYTHING
  const own = structuralOf(schema.openAPIV3Schema)
  return spec.preserveUnknownFields ? { ...own, 'x-kubernetes-preserve-unknown-fields': true } : own
}

function subresourcesOf(declared: CustomResourceSubresources | undefined) {
  const scale = declared?.scale
  return {
    status: declared?.status !== undefined,
    ...(scale !== undefined && {
      scale: { spec: scale.specReplicasPath, status: scale.statusReplicasPath, selector: scale.labelSelectorPath ?? '' },
    }),
  }
}

function selectableFieldsOf(fields: readonly SelectableField[]): Record<string, FieldReader<KubernetesObject>> {
  return Object.fromEntries(
    fields.map(({ jsonPath }) => [
      jsonPath.replace(/^\./, ''),
      (object: KubernetesObject) => {
        const value = valueAt(object, jsonPath)
        return value === undefined || value === null ? '' : String(value)
      },
    ]),
  )
}

function deprecationOf(
  gvk: { group: string; version: string; kind: string },
  { deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
  versions: readonly CustomResourceDefinitionVersion[],
): string | undefined {
  if (!deprecated) return undefined
  if (deprecationWarning !== undefined) return deprecationWarning
  const better = versions.filter((each) => each.served && !each.deprecated && compareVersions(each.name, gvk.version) < 0)
  const [best] = better.map(({ name }) => name).sort(compareVersions)
  const instead = best === undefined ? '' : `; use ${apiVersionOf({ ...gvk, version: best })} ${gvk.kind}`
  return `${apiVersionOf(gvk)} ${gvk.kind} is deprecated${instead}`
}
