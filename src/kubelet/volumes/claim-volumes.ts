import { statSync } from 'node:fs'
import { type PersistentVolume, type PersistentVolumeClaim, selectsNode } from '#api'
import { hostPathVolume } from './directory-volumes.ts'
import { giveToGroup } from './ownership.ts'
import { type MountedVolume, type VolumeContext, VolumeError, type VolumeType } from './volume.ts'

/** A claim's volume, as far as a node can have it without help: a path or a disk of its own. */
export const claimVolume: VolumeType = {
  field: 'persistentVolumeClaim',
  plugin: 'kubernetes.io~persistent-volume-claim',
  async prepare({ persistentVolumeClaim: source }, context) {
    const claim = await boundClaim(source!.claimName, context)
    return mount(claim, source!.readOnly ?? false, context)
  },
}

/** A claim that lives and goes with its pod (https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes). */
export const ephemeralVolume: VolumeType = {
  field: 'ephemeral',
  plugin: 'kubernetes.io~ephemeral',
  async prepare({ name }, context) {
    const { metadata } = context.pod
    const claim = await boundClaim(`${metadata?.name}-${name}`, context)
    const isOwn = claim.metadata?.ownerReferences?.some(({ uid, controller }) => controller && uid === metadata?.uid)
    if (!isOwn)
      throw new VolumeError(
        `PVC ${metadata?.namespace}/${claim.metadata?.name} was not created for pod ${metadata?.namespace}/${metadata?.name} (pod is not owner)`,
      )
    return mount(claim, false, context)
  },
}

async function boundClaim(name: string, { pod, claim }: VolumeContext): Promise<PersistentVolumeClaim> {
  const found = await claim(name)
  const where = `${pod.metadata?.namespace}/${name}`
  const refuse = (why: string): never => {
    throw new VolumeError(`error processing PVC ${where}: ${why}`)
  }
  if (found === undefined)
    return refuse(`failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(name)} not found`)
  if (found.metadata?.deletionTimestamp !== undefined) return refuse("can't start pod because PVC is being deleted")
  if (found.status?.phase !== 'Bound' || !found.spec?.volumeName) return refuse('PVC is not bound')
  return found
}

async function mount(claim: PersistentVolumeClaim, readOnly: boolean, context: VolumeContext): Promise<MountedVolume> {
  const name = claim.spec!.volumeName!
  const volume = await context.persistentVolume(name)
  if (volume === undefined) throw new VolumeError(`failed to fetch PV ${JSON.stringify(name)} from API server: not found`)
  const { claimRef, volumeMode = 'Filesystem', nodeAffinity, hostPath, local } = volume.spec ?? {}
  if (claimRef?.uid !== claim.metadata?.uid)
    throw new VolumeError(
      `PV ${JSON.stringify(name)} is not bound to PVC ${JSON.stringify(claim.metadata?.name)} (uid ${claim.metadata?.uid})`,
    )
  const node = context.facts.node
  if (nodeAffinity?.required !== undefined && node !== undefined && !selectsNode(nodeAffinity.required, node))
    throw new VolumeError(
      `MountVolume.NodeAffinity check failed for volume ${JSON.stringify(name)} : no matching NodeSelectorTerms`,
    )
  if (volumeMode === 'Block') throw new VolumeError('volumes of mode Block are not supported')
  if (hostPath !== undefined) return { path: (await hostPathVolume.prepare({ name, hostPath }, context)).path, readOnly }
  if (local === undefined) throw new VolumeError(`no volume plugin matched name: ${sourceOf(volume)}`)
  checkDirectory(local.path)
  // Once for each pod: afterwards it is the pod's to change.
  if (context.isNew) giveToGroup(local.path, context.pod, readOnly)
  return { path: local.path, readOnly }
}

function checkDirectory(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new VolumeError(`path ${JSON.stringify(path)} does not exist`)
  if (!found.isDirectory()) throw new VolumeError(`path ${JSON.stringify(path)} is not a directory`)
}

const NO_SOURCES = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeMode',
  'volumeAttributesClassName',
])

const sourceOf = ({ spec = {} }: PersistentVolume): string => Object.keys(spec).find((key) => !NO_SOURCES.has(key)) ?? ''
