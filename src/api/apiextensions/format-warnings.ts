import type { CustomResourceDefinition } from '../generated/types.ts'
import { formatOf } from './schema/formats.ts'
import { nodesOf, structuralOf } from './schema/structural.ts'

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
    for (const { format, type } of schema?.openAPIV3Schema ? nodesOf(structuralOf(schema.openAPIV3Schema)) : [])
      if (format && formatOf({ format, type }) === '') formats.push(format)
  return formats
}
