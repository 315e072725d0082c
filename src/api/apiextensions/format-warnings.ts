import type { CustomResourceDefinition } from '../generated/types.ts'
import { formatCheck } from './schema/formats.ts'
import { type Structural, structuralOf } from './schema/structural.ts'

/** Formats of texts that nothing is checked against; of a change, those that it brings. */
export function* formatWarnings(crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): Iterable<string> {
  const known = new Set(old === undefined ? [] : formatsOf(old))
  for (const format of formatsOf(crd)) if (!known.has(format)) yield `unrecognized format ${JSON.stringify(format)}`
}

function* formatsOf({ spec }: CustomResourceDefinition): Iterable<string> {
  for (const { schema } of spec?.versions ?? [])
    if (schema?.openAPIV3Schema !== undefined) yield* oddFormats(structuralOf(schema.openAPIV3Schema))
}

/** Numbers have formats of their own, which are for clients. */
function* oddFormats(node: Structural): Iterable<string> {
  if (node.format && node.type === 'string' && formatCheck(node.format) === undefined) yield node.format
  const { items, additionalProperties, allOf = [], anyOf = [], oneOf = [], not, properties = {} } = node
  for (const below of [items, ...allOf, ...anyOf, ...oneOf, not, ...Object.values(properties), additionalProperties])
    if (typeof below === 'object') yield* oddFormats(below)
}
