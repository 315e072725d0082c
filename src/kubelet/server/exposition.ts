/** One metric in Prometheus' text format, with its samples. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: Iterable<Sample>
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** When it was read, if not now. */
  readonly atMs?: number | undefined
}

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Families without samples are left out, as upstream's registry does. */
export function printFamilies(families: Iterable<Family>): string {
  let text = ''
  for (const { name, help, type, samples } of families) {
    const lines = [...samples].map(
      (sample) => `${name}${printLabels(sample.labels)} ${sample.value}${sample.atMs === undefined ? '' : ` ${sample.atMs}`}\n`,
    )
    if (lines.length > 0) text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
  }
  return text
}

function printLabels(labels: Readonly<Record<string, string>>): string {
  const entries = Object.entries(labels)
  if (entries.length === 0) return ''
  const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `{${entries.map(([name, value]) => `${name}="${escaped(value)}"`).join(',')}}`
}
