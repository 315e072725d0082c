import { type Job, jobs, type Pod } from '#api'
import { deepClone } from '#base'
import { controllerReference } from '../framework/index.ts'

export const TRACKING = 'batch.kubernetes.io/job-tracking'
export const INDEX = 'batch.kubernetes.io/job-completion-index'

export const isIndexed = ({ spec }: Job): boolean => spec?.completionMode === 'Indexed'

export const indexOf = ({ metadata }: Pod): number => Number(metadata?.annotations?.[INDEX] ?? -1)

/** A pod of the job; `index` for one of an Indexed job, which finds its number in its environment and host name. */
export function podFor(job: Job, suffix: string, index: number | undefined): Pod {
  const template = deepClone(job.spec!.template!)
  const { name = '', namespace = '' } = job.metadata ?? {}
  const prefix = index === undefined ? `${name}-` : `${name}-${index}-`
  const labels = { ...template.metadata?.labels, ...(index !== undefined && { [INDEX]: String(index) }) }
  const annotations = { ...template.metadata?.annotations, ...(index !== undefined && { [INDEX]: String(index) }) }
  const spec = template.spec!
  if (index !== undefined) {
    spec.hostname ??= `${name}-${index}`
    const variable = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${INDEX}']` } } }
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      if (!container.env?.some((each) => each.name === variable.name)) container.env = [...(container.env ?? []), variable]
    }
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      name: prefix.slice(0, 58) + suffix,
      namespace,
      labels,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      finalizers: [...(template.metadata?.finalizers ?? []), TRACKING],
      ownerReferences: [controllerReference(job, jobs as never)],
    },
    spec,
  }
}
