import type { KubernetesObject } from '#meta'
import { age, integer, name } from '../columns.ts'
import type { Column, ResourceDefinition } from '../definition.ts'
import type { Scale } from '../generated/types.ts'

/** Of the scale of a resource, as `kubectl get --subresource=scale` prints it. */
export const scaleColumns = ({ custom }: Pick<ResourceDefinition, 'custom'>): readonly Column<KubernetesObject>[] =>
  custom === undefined ? ofBuiltInKinds : ofCustomKinds

const replicas = (desired: string, available: string): readonly Column<KubernetesObject>[] =>
  [
    integer<Scale>('Desired', ({ spec }) => spec?.replicas, desired),
    integer<Scale>('Available', ({ status }) => status?.replicas, available),
  ] as readonly Column<KubernetesObject>[]

const ofBuiltInKinds = [name, ...replicas('autoscaling.v1.ScaleSpec#replicas', 'autoscaling.v1.ScaleStatus#replicas'), age]
const ofCustomKinds = [
  name,
  ...replicas('Number of desired replicas', 'Number of actual replicas'),
  { ...age, type: 'date' } as const,
]
