import { assert } from '#base'
import type { CustomResourceDefinition } from '../../generated/types.ts'
import { isRuled, structuralOf } from '../schema/structural.ts'

type Rules = typeof import('./index.ts')

let loaded: Rules | undefined

/** Whether a definition has rules in the expression language, which is loaded by whoever first needs it. */
export const hasRules = ({ spec }: CustomResourceDefinition): boolean =>
  (spec?.versions ?? []).some(
    ({ schema }) => schema?.openAPIV3Schema !== undefined && isRuled(structuralOf(schema.openAPIV3Schema)),
  )

export const areRulesLoaded = (): boolean => loaded !== undefined

/** Loads the expression language; definitions with rules can't be checked or served before. */
export async function loadRules(): Promise<void> {
  loaded ??= await import('./index.ts')
}

export function loadedRules(): Rules {
  assert(loaded !== undefined, 'rules are loaded before a definition that has any is used')
  return loaded
}
