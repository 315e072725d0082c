import type { ResourceDefinition } from '#api'
import { apiVersionOf } from '#meta'

/** Which resources are served right now. Built-in kinds are there from the start; custom ones come and go. */
export class ResourceCatalog {
  readonly #byPath = new Map<string, ResourceDefinition>()
  #all: readonly ResourceDefinition[] = []

  constructor(resources: readonly ResourceDefinition[]) {
    for (const resource of resources) this.#byPath.set(pathOf(resource.group, resource.version, resource.names.plural), resource)
    this.#all = [...this.#byPath.values()]
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
}

const pathOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`
