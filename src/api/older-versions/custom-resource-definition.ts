import { deepEqual } from '#base'
import type { KubernetesObject } from '#meta'
import type {
  CustomResourceColumnDefinition,
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceValidation,
  WebhookConversion,
} from '../generated/types.ts'

interface OldColumn extends Omit<CustomResourceColumnDefinition, 'jsonPath'> {
  readonly JSONPath: string
}

/** What stands for all versions, or in each of them. */
interface OldParts extends Pick<CustomResourceDefinitionVersion, 'subresources' | 'selectableFields'> {
  additionalPrinterColumns?: readonly OldColumn[]
}

interface OldVersion extends Omit<CustomResourceDefinitionVersion, keyof OldParts>, OldParts {}

interface OldConversion {
  readonly strategy: string
  readonly webhookClientConfig?: WebhookConversion['clientConfig']
  readonly conversionReviewVersions?: string[]
}

interface OldSpec extends Omit<CustomResourceDefinition['spec'], 'versions' | 'conversion'>, OldParts {
  readonly version?: string
  readonly validation?: CustomResourceValidation
  readonly versions?: readonly OldVersion[]
  readonly conversion?: OldConversion
}

interface OldDefinition extends KubernetesObject {
  readonly spec?: OldSpec
}

const SHARED = ['subresources', 'additionalPrinterColumns', 'selectableFields'] as const

/** Of apiextensions.k8s.io/v1beta1: it had one version once, and still has once for all versions what they have in common; schemas need not say what they keep. */
export function customResourceDefinition(object: KubernetesObject): KubernetesObject {
  const { version, validation, conversion, ...rest } = (object as OldDefinition).spec ?? ({} as OldSpec)
  const shared = pick(rest, SHARED)
  for (const field of SHARED) delete rest[field]
  const versions = rest.versions?.length ? rest.versions : version ? [{ name: version, served: true, storage: true }] : []
  const spec = {
    ...rest,
    scope: rest.scope ?? 'Namespaced',
    preserveUnknownFields: rest.preserveUnknownFields ?? true,
    versions: versions.map((each) => {
      const own = { ...each, ...(validation && { schema: validation }), ...shared }
      const columns = own.additionalPrinterColumns?.map(({ JSONPath: jsonPath, ...column }) => ({ ...column, jsonPath }))
      return { ...own, ...(columns && { additionalPrinterColumns: columns }) }
    }),
    ...(conversion && { conversion: conversionOf(conversion) }),
  }
  return { ...object, spec } as KubernetesObject
}

function conversionOf({ strategy, webhookClientConfig: clientConfig, conversionReviewVersions }: OldConversion): object {
  if (strategy !== 'Webhook') return { strategy }
  const webhook = {
    ...(clientConfig && { clientConfig }),
    conversionReviewVersions: conversionReviewVersions ?? ['v1beta1'],
  }
  return { strategy, webhook }
}

/** The same the other way round, which is how definitions are stored. */
export function writeDefinition(object: CustomResourceDefinition): KubernetesObject {
  const { versions = [], conversion, preserveUnknownFields = false, ...spec } = object.spec ?? {}
  const old: OldVersion[] = versions.map(({ additionalPrinterColumns: columns, ...version }) => ({
    ...version,
    ...(columns && { additionalPrinterColumns: columns.map(({ jsonPath: JSONPath, ...column }) => ({ ...column, JSONPath })) }),
  }))
  const [first, ...others] = old
  const isShared = (field: keyof OldVersion): boolean => others.every((version) => deepEqual(version[field], first?.[field]))
  const hasOneSchema = isShared('schema')
  // Fields to select by stay with the schema that has them.
  const common = pick(
    first ?? ({} as OldVersion),
    SHARED.filter((field) => isShared(field) && (field !== 'selectableFields' || hasOneSchema)),
  )
  const left = old.map((version) => {
    const own = { ...version }
    for (const field of Object.keys(common) as (keyof typeof common)[]) delete own[field]
    if (hasOneSchema) delete own.schema
    return own
  })
  return {
    ...object,
    spec: {
      ...spec,
      ...(first && { version: first.name }),
      ...(hasOneSchema && first?.schema && { validation: first.schema }),
      ...common,
      versions: left,
      ...(conversion && { conversion: writeConversion(conversion) }),
      preserveUnknownFields,
    },
  } as KubernetesObject
}

const writeConversion = ({ strategy, webhook }: CustomResourceConversion): OldConversion => ({
  strategy,
  ...(webhook?.clientConfig && { webhookClientConfig: webhook.clientConfig }),
  ...(webhook && { conversionReviewVersions: webhook.conversionReviewVersions }),
})

function pick<T extends object, K extends keyof T>(object: T, fields: readonly K[]): Partial<Pick<T, K>> {
  const found: Partial<Pick<T, K>> = {}
  for (const field of fields) if (object[field] !== undefined) found[field] = object[field]
  return found
}
