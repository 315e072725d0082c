import type { KubernetesObject, LabelSelector } from '#meta'
import type { PodDisruptionBudget } from '../generated/types.ts'

/** A key that no pod has: in v1beta1 an empty selector chose nothing, in v1 it chooses all. */
const MARK = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match'

/** Of policy/v1beta1. */
export function budget(object: KubernetesObject): KubernetesObject {
  const { spec } = object as PodDisruptionBudget
  const selector = spec?.selector
  if (selector === undefined) return object
  const changed = isEmpty(selector) ? { matchExpressions: [{ key: MARK, operator: 'Exists' }] } : isAll(selector) ? {} : selector
  return { ...object, spec: { ...spec, selector: changed } } as KubernetesObject
}

const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length === 0 && matchExpressions.length === 0

function isAll({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  const [only, ...others] = matchExpressions
  return Object.keys(matchLabels).length === 0 && others.length === 0 && only?.key === MARK && only.operator === 'DoesNotExist'
}
