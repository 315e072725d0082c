import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '#api'
import { keyOf } from '#meta'
import { type Cycle, definePlugin, fits, on, podId, skip, unresolvable } from '../framework/index.ts'
import {
  claimNames,
  claimsOf,
  decideVolumes,
  isBound,
  isReachable,
  type PodClaims,
  withClaim,
  withSelectedNode,
} from './volume-claims.ts'

interface State {
  readonly claims: PodClaims
  readonly cycle: Cycle
}

/** A pod's volumes must be reachable from its node; claims that waited for the pod are bound, or provisioned, for that node. */
export const volumeBinding = definePlugin<State>({
  name: 'VolumeBinding',
  preFilter(pod, cycle) {
    if (claimNames(pod).length === 0) return skip
    const claims = claimsOf(pod, cycle.snapshot.lookups)
    return typeof claims === 'string' ? unresolvable(claims) : { kind: 'state', state: { claims, cycle } }
  },
  filter(_pod, node, { claims, cycle }) {
    const { lookups, volumes } = cycle.snapshot
    const reachable = claims.bound.map((claim) => isReachable(claim, node, lookups))
    if (reachable.includes(undefined))
      return unresolvable('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)')
    if (reachable.includes(false)) return unresolvable("node(s) didn't match PersistentVolume's node affinity")
    const decision = decideVolumes(claims.delayed, node, lookups, volumes)
    return decision === undefined ? unresolvable("node(s) didn't find available persistent volumes to bind") : fits
  },
  reserve(pod, nodeName, { lookups, volumes, get }) {
    const claims = claimNames(pod).length === 0 ? undefined : claimsOf(pod, lookups)
    const node = get(nodeName)
    if (claims === undefined || typeof claims === 'string' || node === undefined || claims.delayed.length === 0) return fits
    const decision = decideVolumes(claims.delayed, node, lookups, volumes)
    if (decision === undefined) return unresolvable("node(s) didn't find available persistent volumes to bind")
    volumes.assume(podId(pod), decision)
    return fits
  },
  unreserve: (pod, _nodeName, { volumes }) => volumes.forget(podId(pod)),
  async preBind(pod, nodeName, { client, signal, snapshot, untilClaim }) {
    const decision = snapshot.volumes.get(podId(pod))
    if (decision === undefined) return
    for (const { claim, volume } of decision.matches)
      if (volume.spec?.claimRef?.uid === undefined) await client.update(persistentVolumes, withClaim(volume, claim), { signal })
    for (const claim of decision.provisions)
      await client.update(persistentVolumeClaims, withSelectedNode(claim, nodeName), { signal })
    const claims = [...decision.matches.map(({ claim }) => claim), ...decision.provisions]
    for (const claim of claims) await untilClaim(keyOf(claim), isBound, signal)
    snapshot.volumes.forget(podId(pod))
  },
  requeueOn: [
    on(persistentVolumeClaims, ({ after }, pod) => {
      const isOwn = after?.metadata?.namespace === pod.metadata?.namespace
      return isOwn && claimNames(pod).some(({ name }) => name === after?.metadata?.name)
    }),
    on(persistentVolumes, ({ after }) => after !== undefined),
    on(storageClasses, ({ after }) => after !== undefined),
    on(
      nodes,
      ({ before, after }) =>
        after !== undefined && JSON.stringify(before?.metadata?.labels) !== JSON.stringify(after.metadata?.labels),
    ),
  ],
})
