import type { KubernetesObject } from '#meta'
import { serviceHook } from './service.ts'
import type { Hook } from './types.ts'

export { publishKubernetesService } from './kubernetes-service.ts'
export type { Hook, HookContext, Transaction } from './types.ts'
export { nothingToDo } from './types.ts'

/** Kinds whose writes allocate something. */
export const hooks: readonly Hook<KubernetesObject>[] = [serviceHook]
