import type { CustomResourceDefinition } from '../generated/types.ts'
import { formatCheck } from './schema/formats.ts'
import { type Structural, structuralOf } from './schema/structural.ts'

/** Formats of texts that nothing is checked against; of a change, those that it brings. */
export function formatWarnings(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  warnings: string[],
): void {
  const known = new Set(old === undefined ? [] : formatsOf(old))
  for (const format of formatsOf(crd)) if (!known.has(format)) warnings.push(`unrecognized format ${JSON.stringify(format)}`)
}

function formatsOf({ spec }: CustomResourceDefinition): string[] {
  const formats: string[] = []
  for (const { schema } of spec?.versions ?? [])
    if (schema?.openAPIV3Schema !== undefined) oddFormats(structuralOf(schema.openAPIV3Schema), formats)
  return formats
}

/** Numbers have formats of their own, which are for clients. */
function oddFormats(node: Structural, formats: string[]): void {
  if (node.format && node.type === 'string' && formatCheck(node.format) === undefined) formats.push(node.format)
  const { items, additionalProperties, allOf = [], anyOf = [], oneOf = [], not, properties = {} } = node
  for (const below of [items, ...allOf, ...anyOf, ...oneOf, not, ...Object.values(properties), additionalProperties])
    if (typeof below === 'object') oddFormats(below, formats)
}
