import type { ResourceDefinition } from '#api'
import { apiVersionOf } from '#meta'

/** Which resources are served right now. Built-in kinds are there from the start; custom ones come and go. */
export class ResourceCatalog {
  readonly #builtIn: readonly ResourceDefinition[]
  readonly #added = new Map<string, readonly ResourceDefinition[]>()
  readonly #listeners = new Set<() => void>()
  #byPath = new Map<string, ResourceDefinition>()
  #all: readonly ResourceDefinition[] = []
  #generation = 0

  constructor(resources: readonly ResourceDefinition[]) {
    this.#builtIn = resources
    this.#build()
  }

  /** Grows with every change; what was computed from the catalog is good for one generation. */
  get generation(): number {
    return this.#generation
  }

  /** Serves exactly `resources` in the name of `owner` from now on. Built-in kinds keep their place. */
  set(owner: string, resources: readonly ResourceDefinition[]): void {
    if (resources.length > 0) this.#added.set(owner, resources)
    else if (!this.#added.delete(owner)) return
    this.#build()
    this.#generation++
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  get all(): readonly ResourceDefinition[] {
    return this.#all
  }

  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.#byPath.get(pathOf(group, version, plural))
  }

  /** The definition that serves a kind, e.g. an owner reference's. */
  findKind(apiVersion: string, kind: string): ResourceDefinition | undefined {
    return this.#all.find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion && resource.stored)
  }

  hasGroup(group: string): boolean {
    return this.#all.some((resource) => resource.group === group)
  }

  hasVersion(group: string, version: string): boolean {
    return this.#all.some((resource) => resource.group === group && resource.version === version)
  }

  #build(): void {
    const owners = [...this.#added].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#byPath = new Map()
    for (const resource of [...this.#builtIn, ...owners.flatMap(([, added]) => added)]) {
      const path = pathOf(resource.group, resource.version, resource.names.plural)
      if (!this.#byPath.has(path)) this.#byPath.set(path, resource)
    }
    this.#all = [...this.#byPath.values()]
  }
}

const pathOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`
