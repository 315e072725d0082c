import type { KubernetesObject } from '#meta'

/** Of a version whose fields are those of today. */
export const unchanged = (object: KubernetesObject): KubernetesObject => object
