import type { KubernetesObject } from '#meta'
import { TEMPLATE_GENERATION } from '../apps/template-generation.ts'
import type { DaemonSet, Deployment } from '../generated/types.ts'

/** Fields that apps/v1 has not go on in these annotations. */
const ROLLBACK_TO = 'deprecated.deployment.rollback.to'

interface OldDeployment extends Deployment {
  spec?: NonNullable<Deployment['spec']> & { rollbackTo?: { readonly revision?: number } }
}

/** Of apps/v1beta1 and extensions/v1beta1. */
export function deployment(object: KubernetesObject): KubernetesObject {
  const { rollbackTo, ...spec } = (object as OldDeployment).spec ?? {}
  return annotated({ ...object, spec } as KubernetesObject, ROLLBACK_TO, rollbackTo && (rollbackTo.revision ?? 0))
}

interface OldDaemonSet extends DaemonSet {
  spec?: NonNullable<DaemonSet['spec']> & { templateGeneration?: number }
}

/** Of extensions/v1beta1. */
export function daemonSet(object: KubernetesObject): KubernetesObject {
  const { templateGeneration, ...spec } = (object as OldDaemonSet).spec ?? {}
  return annotated({ ...object, spec } as KubernetesObject, TEMPLATE_GENERATION, templateGeneration)
}

function annotated(object: KubernetesObject, key: string, value: number | undefined): KubernetesObject {
  if (value === undefined) return object
  const { metadata = {} } = object
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, [key]: String(value) } } }
}
