import type { KubernetesObject } from '#meta'

const SUFFIX = '.static.k8s.io'

/** Such names are for what API servers read from files (https://kep.k8s.io/5793). */
export function staticNameWarnings({ metadata }: KubernetesObject, warnings: string[]): void {
  if (metadata?.name?.endsWith(SUFFIX))
    warnings.push(
      `metadata.name: names ending with "${SUFFIX}" are reserved for static manifest-based configurations and cannot be managed via the API`,
    )
}
