import type { Pod } from '#api'
import { definePlugin, SCORE_MAX, type Snapshot } from '../framework/index.ts'

const MEBIBYTE = 1024 * 1024
/** Below this an image is not worth a thought; above the other, per container, more makes no difference. */
const SIZE_MIN_BYTES = 23 * MEBIBYTE
const SIZE_MAX_BYTES = 1000 * MEBIBYTE

/** Prefers nodes that hold the pod's images, the more of the cluster holds them the more, lest one node draw everything. */
export const imageLocality = definePlugin<undefined, Snapshot>({
  name: 'ImageLocality',
  preScore: (_pod, _nodes, { snapshot }) => ({ kind: 'state', state: snapshot }),
  score(pod, node, snapshot) {
    const images = imagesOf(pod)
    const total = snapshot.nodes.length
    let sum = 0
    for (const image of images) sum += Math.floor(((node.images.get(image) ?? 0) * snapshot.imageNodes(image)) / total)
    const most = SIZE_MAX_BYTES * images.length
    const clamped = Math.min(Math.max(sum, SIZE_MIN_BYTES), most)
    return Math.floor((SCORE_MAX * (clamped - SIZE_MIN_BYTES)) / (most - SIZE_MIN_BYTES))
  },
})

function imagesOf(pod: Pod): string[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ image }) => normalized(image ?? ''))
}

/** Nodes report images with a tag. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}
