/** A family of metrics in Prometheus' text. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  /** Without `le` and `quantile`, which are a form's and no label. */
  readonly labels: readonly string[]
  /** Of a histogram. */
  readonly bounds: readonly string[]
  /** By name and labels, as they stand there. */
  readonly samples: ReadonlyMap<string, string>
}

const HEAD = /^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/m
const SAMPLE = /^([\w:]+)(?:\{(.*)\})? (\S+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/** Families by their names. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  for (const part of text.split(/^(?=# HELP )/m)) {
    const [, name = '', help = '', type = ''] = HEAD.exec(part) ?? []
    const [labels, bounds, samples] = [new Set<string>(), new Set<string>(), new Map<string, string>()]
    for (const line of part.split('\n')) {
      const [, metric, inside = '', value = ''] = SAMPLE.exec(line) ?? []
      if (metric === undefined) continue
      samples.set(inside === '' ? metric : `${metric}{${inside}}`, value)
      for (const [, label = '', text = ''] of inside.matchAll(LABEL)) {
        if (label === 'le') bounds.add(text)
        else if (label !== 'quantile') labels.add(label)
      }
    }
    if (name !== '') families.set(name, { name, help, type, labels: [...labels].sort(), bounds: [...bounds], samples })
  }
  return families
}

/** By how much each sample grew that says all of `words`; those that did not are left out. */
export function growth(
  before: ReadonlyMap<string, Family>,
  after: ReadonlyMap<string, Family>,
  name: string,
  ...words: readonly string[]
): Record<string, number> {
  const from = before.get(name)?.samples
  const grown = [...(after.get(name)?.samples ?? [])]
    .filter(([sample]) => words.every((word) => sample.includes(word)))
    .map(([sample, value]): [string, number] => [sample, Number(value) - Number(from?.get(sample) ?? 0)])
  return Object.fromEntries(grown.filter(([, more]) => more !== 0).sort(([a], [b]) => (a < b ? -1 : 1)))
}
