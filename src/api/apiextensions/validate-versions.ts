import { deepEqual } from '#base'
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from '../generated/types.ts'
import { type Findings, invalidValue } from '../validation/findings.ts'
import { dns1035Label } from '../validation/names.ts'
import type { Demands } from './demands.ts'
import { versionForm } from './internal-form.ts'
import { emptiesOf } from './schema/empties.ts'
import { structuralOf } from './schema/structural.ts'
import { validateSchema } from './validate-schema.ts'
import { validateColumn, validateDeprecation, validateSelectableFields, validateSubresources } from './validate-version.ts'

const PARTS = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'] as const
type Part = (typeof PARTS)[number]

/** The versions of a definition. What all have in common is reported once, where older API versions kept it, and after what is each one's own. */
export class Versions {
  readonly #versions: readonly CustomResourceDefinitionVersion[]
  readonly #isAbsent: boolean
  readonly #old: CustomResourceDefinition | undefined
  readonly #demands: Demands
  readonly #shared: ReadonlySet<Part>

  constructor(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinition | undefined, demands: Demands) {
    const versions: readonly CustomResourceDefinitionVersion[] = spec.versions ?? []
    this.#versions = versions
    this.#isAbsent = versions.length === 0 && !emptiesOf(spec).has('versions')
    this.#old = old
    this.#demands = demands
    this.#shared = new Set(PARTS.filter((part) => versions.every((version) => deepEqual(version[part], versions[0]?.[part]))))
  }

  own(found: Findings): void {
    for (const [index, version] of this.#versions.entries()) {
      const path = `spec.versions[${index}]`
      label(version.name ?? '', `${path}.name`, found)
      validateDeprecation(version, path, found)
      const hasStatus = this.#versions.find(({ name }) => name === version.name)?.subresources?.status !== undefined
      for (const part of PARTS) if (!this.#shared.has(part)) this.#part(part, version, `${path}.${part}`, hasStatus, found)
    }
    const names = this.#versions.map(({ name }) => name)
    if (new Set(names).size < names.length)
      found.push(invalidValue('spec.versions', this.#form(), 'must contain unique version names'))
    if (this.#versions.filter(({ storage }) => storage).length !== 1)
      found.push(invalidValue('spec.versions', this.#form(), 'must have exactly one version marked as storage version'))
    // The first version's name stood beside the versions once.
    if (this.#versions[0]?.name) label(this.#versions[0].name, 'spec.version', found)
  }

  shared(found: Findings): void {
    const [first] = this.#versions
    const hasStatus = this.#versions.some(({ subresources }) => subresources?.status !== undefined)
    if (first === undefined) return
    for (const part of PARTS)
      if (this.#shared.has(part))
        this.#part(part, first, part === 'schema' ? 'spec.validation' : `spec.${part}`, hasStatus, found)
  }

  #part(part: Part, version: CustomResourceDefinitionVersion, path: string, hasStatus: boolean, found: Findings): void {
    const before = this.#old?.spec.versions?.find(({ name }) => name === version.name)
    const declared = version.schema?.openAPIV3Schema
    const schema = declared && structuralOf(declared)
    switch (part) {
      case 'schema': {
        const isUnchanged = before !== undefined && deepEqual(before.schema, version.schema)
        const context = { hasStatus, isUnchanged, demands: this.#demands }
        if (schema !== undefined) validateSchema(schema, `${path}.openAPIV3Schema`, context, found)
        return
      }
      case 'subresources':
        validateSubresources(version.subresources, path, found)
        return
      case 'additionalPrinterColumns':
        for (const [at, column] of (version.additionalPrinterColumns ?? []).entries())
          validateColumn(column, `${path}[${at}]`, found)
        return
      case 'selectableFields':
        // What is said of every version is looked up in what is said of every version.
        validateSelectableFields(
          version.selectableFields ?? [],
          this.#shared.has('schema') === this.#shared.has(part) ? schema : undefined,
          { path, isShared: this.#shared.has(part), old: before?.selectableFields },
          found,
        )
    }
  }

  #form(): object[] | null {
    if (this.#isAbsent) return null
    return this.#versions.map((version) => versionForm(version, (field) => this.#shared.has(field as Part)))
  }
}

function label(name: string, path: string, found: Findings): void {
  const problems = [...dns1035Label(name)]
  if (problems.length > 0) found.push(invalidValue(path, name, problems.join(',')))
}
