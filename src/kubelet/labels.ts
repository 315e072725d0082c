import type { Container, Pod } from '#api'

/** How the kubelet recognises its own in the runtime; the names are upstream's, so that either kubelet can adopt the other's pods. */
export const POD_NAME = 'io.kubernetes.pod.name'
export const POD_NAMESPACE = 'io.kubernetes.pod.namespace'
export const POD_UID = 'io.kubernetes.pod.uid'
export const CONTAINER_NAME = 'io.kubernetes.container.name'

export const CONTAINER_HASH = 'io.kubernetes.container.hash'
export const RESTART_COUNT = 'io.kubernetes.container.restartCount'
export const TERMINATION_MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath'
export const TERMINATION_MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy'
export const GRACE_PERIOD = 'io.kubernetes.pod.terminationGracePeriod'

export const podLabels = ({ metadata }: Pod): Record<string, string> => ({
  [POD_NAME]: metadata?.name ?? '',
  [POD_NAMESPACE]: metadata?.namespace ?? '',
  [POD_UID]: metadata?.uid ?? '',
})

/** Changes exactly when the container must be made anew: its image may be changed in place by the API. */
export function containerHash({ name, image }: Pick<Container, 'name' | 'image'>): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(`${name}\n${image ?? ''}`)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash.toString(16)
}
