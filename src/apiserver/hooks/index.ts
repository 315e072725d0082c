import type { KubernetesObject } from '#meta'
import { customResourceDefinitionHook } from '../custom-resources/hook.ts'
import { certificateSigningRequestHook } from './certificate-signing-request.ts'
import { expressionHooks } from './expressions.ts'
import { rbacHooks } from './rbac.ts'
import { serviceHook } from './service.ts'
import type { Hook } from './types.ts'

export { AllocationKeeper } from './allocation-keeper.ts'
export { DefaultServiceCIDR } from './default-service-cidr.ts'
export { EndpointsKeeper } from './endpoints-keeper.ts'
export { type Advertised, publishKubernetesService } from './kubernetes-service.ts'
export { showsServices } from './service.ts'
export type { Hook, HookContext, Transaction, WriteContext } from './types.ts'
export { nothingToDo } from './types.ts'

/** Kinds whose writes need more than the object: allocations, who writes. */
export const hooks: readonly Hook<KubernetesObject>[] = [
  certificateSigningRequestHook,
  customResourceDefinitionHook,
  ...expressionHooks,
  ...rbacHooks,
  serviceHook,
]
