import { type Pod, pods } from '#api'
import { type FieldError, invalid } from '#meta'
import type { AdmissionPlugin, Attributes } from './types.ts'

/** Every image is pulled with the pod's own credentials, so that nobody runs another's private image from a node's store. */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  mutate(attributes) {
    for (const [, container] of containersOf(attributes)) container.imagePullPolicy = 'Always'
    for (const volume of podOf(attributes)?.spec?.volumes ?? []) if (volume.image) volume.image.pullPolicy = 'Always'
  },
  validate(attributes) {
    const errors: FieldError[] = []
    for (const [path, { imagePullPolicy = '' }] of containersOf(attributes)) {
      if (imagePullPolicy === 'Always') continue
      const message = `Unsupported value: ${JSON.stringify(imagePullPolicy)}: supported values: "Always"`
      errors.push({ field: `${path}.imagePullPolicy`, reason: 'FieldValueNotSupported', message })
    }
    if (errors.length > 0) throw invalid({ group: '', kind: 'Pod' }, attributes.name, errors)
  },
}

const podOf = ({ resource, subresource, object }: Attributes): Pod | undefined =>
  resource === (pods as unknown) && (subresource === '' || subresource === 'ephemeralcontainers') ? (object as Pod) : undefined

function* containersOf(attributes: Attributes): Iterable<[path: string, container: { imagePullPolicy?: string }]> {
  const spec = podOf(attributes)?.spec
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const)
    for (const [index, container] of (spec?.[list] ?? []).entries()) yield [`spec.${list}[${index}]`, container]
}
