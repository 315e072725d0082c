import { type CustomResourceDefinition, customResourceDefinitions, hasRules, loadRules } from '#api'
import { type Hook, nothingToDo, type Transaction } from '../hooks/types.ts'

/** The expression language is loaded before the first definition that has rules is checked. */
export const customResourceDefinitionHook: Hook<CustomResourceDefinition> = {
  resource: customResourceDefinitions,
  beginCreate: prepared,
  beginUpdate: prepared,
  async afterDelete() {},
}

async function prepared(draft: CustomResourceDefinition): Promise<Transaction> {
  if (hasRules(draft)) await loadRules()
  return nothingToDo
}
