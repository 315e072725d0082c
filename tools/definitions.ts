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

/** Alpha and beta kinds that are served where somebody asks for them. */
const ASKED_FOR = /^io\.k8s\.api\.certificates\.v1(alpha|beta)1\.ClusterTrustBundle/

/** Whether a definition is one of a GA version, of what these share, or of a kind that is served on demand; other alpha and beta versions are not. */
export const isServed = (name: string): boolean => !/\.v\d+(alpha|beta)\d+\./.test(name) || ASKED_FOR.test(name)

/** Groups whose objects upstream keeps in protobuf, in versions that were the stored ones once. */
const STORED_GROUP =
  /^io\.k8s\.api\.(admissionregistration|apps|batch|certificates|coordination|discovery|events|extensions|flowcontrol|networking|node|policy|rbac|resource|scheduling|storage)\./

/** Whether a definition is of a version that is not served and may still be found in a store. */
export const isOlder = (name: string): boolean => !isServed(name) && STORED_GROUP.test(name)

export function servedDefinitions(): ReadonlyMap<string, Fact> {
  const all = Object.entries(readData<Record<string, Fact>>('openapi-extensions.json'))
  return new Map(all.filter(([name]) => isServed(name)))
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
