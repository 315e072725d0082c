import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One definition of `data/openapi-extensions.json`; `$ref` is a bare definition name. */
export interface Fact {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Fact>>
  readonly items?: Fact
  readonly additionalProperties?: Fact
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly gvk?: readonly (readonly [string, string, string])[]
  readonly [extension: string]: unknown
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'

export const readData = <T>(file: string): T => JSON.parse(readFileSync(join(import.meta.dirname, 'data', file), 'utf8')) as T

/** Definitions of GA versions and of what they share; alpha and beta versions are not served. */
export function gaDefinitions(): ReadonlyMap<string, Fact> {
  const all = Object.entries(readData<Record<string, Fact>>('openapi-extensions.json'))
  return new Map(all.filter(([name]) => !/\.v\d+(alpha|beta)\d+\./.test(name)))
}

interface Names {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** `io.k8s.api.apps.v1.Deployment` → apps, v1, Deployment. */
export function splitName(name: string): Names {
  const parts = name.split('.')
  return { kind: parts.at(-1)!, version: parts.at(-2)!, group: parts.at(-3)! }
}
