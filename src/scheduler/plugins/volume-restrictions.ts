import { type Pod, persistentVolumeClaims, pods } from '#api'
import { definePlugin, fits, type NodeInfo, on, type PodInfo, skip, unschedulable } from '../framework/index.ts'
import { claimNames } from './volume-claims.ts'

interface State {
  /** Names of the pod's claims that one pod alone may use. */
  readonly exclusive: ReadonlySet<string>
  readonly namespace: string
  /** Pods elsewhere that use one of them. */
  users: number
}

/** A claim with access mode ReadWriteOncePod has one user in the whole cluster. */
export const volumeRestrictions = definePlugin<State>({
  name: 'VolumeRestrictions',
  preFilter(pod, { snapshot }) {
    const namespace = pod.metadata?.namespace ?? ''
    const isExclusive = (name: string): boolean =>
      snapshot.lookups.claim(namespace, name)?.spec?.accessModes?.includes('ReadWriteOncePod') ?? false
    const exclusive = new Set(
      claimNames(pod)
        .map(({ name }) => name)
        .filter(isExclusive),
    )
    if (exclusive.size === 0) return skip
    const state: State = { exclusive, namespace, users: 0 }
    for (const node of snapshot.nodes) for (const other of node.pods.values()) if (uses(state, other.pod)) state.users++
    return { kind: 'state', state }
  },
  whatIf: {
    clone: (state) => ({ ...state }),
    add: (state, _cycle, other: PodInfo, _node: NodeInfo) => {
      if (uses(state, other.pod)) state.users++
    },
    remove: (state, _cycle, other: PodInfo, _node: NodeInfo) => {
      if (uses(state, other.pod)) state.users--
    },
  },
  filter: (_pod, _node, { users }) =>
    users > 0
      ? unschedulable('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode')
      : fits,
  requeueOn: [
    on(pods, ({ before, after }) => before?.spec?.nodeName !== undefined && after === undefined),
    on(persistentVolumeClaims, ({ after }) => after !== undefined),
  ],
})

function uses({ exclusive, namespace }: State, other: Pod): boolean {
  return other.metadata?.namespace === namespace && claimNames(other).some(({ name }) => exclusive.has(name))
}
