import type { KubernetesObject } from '#meta'
import type { RuntimeClass } from '../generated/types.ts'

interface OldRuntimeClass extends KubernetesObject {
  readonly spec?: Pick<RuntimeClass, 'overhead' | 'scheduling'> & { readonly runtimeHandler?: string }
}

/** Of node.k8s.io/v1alpha1, which had a spec. */
export function runtimeClass(object: KubernetesObject): KubernetesObject {
  const { spec: { runtimeHandler: handler = '', ...spec } = {}, ...rest } = object as OldRuntimeClass
  return { ...rest, handler, ...spec } as KubernetesObject
}
