/** Metrics in Prometheus' text format, as Go's library prints it; without prom-client, which is too slow to load for what is counted from the start. */

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]
/** What upstream promises of a metric, which it says in its help. */
export type Stability = 'ALPHA' | 'BETA' | 'STABLE'

/** How many values fell to each bound: were no greater than it, but than the one before. */
export class Histogram {
  readonly bounds: readonly number[]
  readonly counts: number[]
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    this.sum += value
    this.count++
    const { bounds, counts } = this
    for (let at = 0; at < bounds.length; at++) {
      if (value > bounds[at]!) continue
      counts[at]!++
      return
    }
  }
}

/** Upstream's buckets that grow by a factor, multiplied one by one as there, since they are shown to the last digit. */
export function exponentialBounds(first: number, factor: number, count: number): number[] {
  const bounds: number[] = []
  for (let bound = first; bounds.length < count; bound *= factor) bounds.push(bound)
  return bounds
}

/** One counter or gauge for each set of labels. */
export class LabelledNumbers {
  readonly #name: string
  readonly #type: 'counter' | 'gauge'
  readonly #help: string
  readonly #stability: Stability
  readonly #samples = new Map<string, { readonly labels: Labels; value: number }>()

  constructor(name: string, type: 'counter' | 'gauge', help: string, stability: Stability = 'ALPHA') {
    this.#name = name
    this.#type = type
    this.#help = help
    this.#stability = stability
  }

  add(labels: Labels, by = 1): void {
    this.of(labels).value += by
  }

  set(labels: Labels, value: number): void {
    this.of(labels).value = value
  }

  text(): string {
    const samples = [...this.#samples.values()].map(({ labels, value }): Sample => [labels, value])
    return familyText(this.#name, this.#type, this.#help, samples, this.#stability)
  }

  /** That of these labels, for whoever counts it often. It is shown from then on. */
  of(labels: Labels): { value: number } {
    const key = keyOf(labels)
    let sample = this.#samples.get(key)
    if (sample === undefined) {
      sample = { labels, value: 0 }
      this.#samples.set(key, sample)
    }
    return sample
  }
}

/** One histogram for each set of labels. */
export class LabelledHistograms {
  readonly #name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  readonly #stability: Stability
  readonly #samples = new Map<string, readonly [Labels, Histogram]>()

  constructor(name: string, help: string, bounds: readonly number[], stability: Stability = 'ALPHA') {
    this.#name = name
    this.#help = help
    this.#bounds = bounds
    this.#stability = stability
  }

  observe(labels: Labels, value: number): void {
    this.of(labels).observe(value)
  }

  /** That of these labels, for whoever observes it often. It is shown once something was. */
  of(labels: Labels): Histogram {
    const key = keyOf(labels)
    let sample = this.#samples.get(key)
    if (sample === undefined) {
      sample = [labels, new Histogram(this.#bounds)]
      this.#samples.set(key, sample)
    }
    return sample[1]
  }

  /** Those of which something was. */
  get seen(): readonly (readonly [Labels, Histogram])[] {
    return [...this.#samples.values()].filter(([, { count }]) => count > 0)
  }

  text(): string {
    return histogramText(this.#name, this.#help, this.seen, this.#stability)
  }
}

export const familyText = (
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly Sample[],
  stability: Stability = 'ALPHA',
): string => head(name, type, help, stability) + samples.map(([labels, value]) => line(name, inside(labels), value)).join('')

export function histogramText(
  name: string,
  help: string,
  samples: readonly (readonly [Labels, Histogram])[],
  stability: Stability = 'ALPHA',
): string {
  const lines = samples.map(([labels, { bounds, counts, sum, count }]) => {
    const own = inside(labels)
    const upToBound = own === '' ? 'le=' : `${own},le=`
    let upTo = 0
    return [
      ...bounds.map((bound, at) => line(`${name}_bucket`, `${upToBound}"${printFloat(bound)}"`, (upTo += counts[at]!))),
      line(`${name}_bucket`, `${upToBound}"+Inf"`, count),
      line(`${name}_sum`, own, sum),
      line(`${name}_count`, own, count),
    ].join('')
  })
  return head(name, 'histogram', help, stability) + lines.join('')
}

const FAMILY = /^(?=# HELP )/m
/** Go's library says nothing of a family of which nothing was counted. */
const SAMPLE = /^[^#\n]/m

/** The families of several texts by their names, of which only those are left that say something. */
export const inOrder = (...texts: readonly string[]): string =>
  texts
    .flatMap((text) => text.split(FAMILY))
    .filter((family) => SAMPLE.test(family))
    .map((family) => ({ name: family.split(' ', 3)[2] ?? '', text: family.endsWith('\n\n') ? family.slice(0, -1) : family }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ text }) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('')

/** One family of a text. */
export const familyOf = (text: string, name: string): string =>
  text.split(FAMILY).find((family) => family.startsWith(`# HELP ${name} `)) ?? ''

/** How many families of a text there are of each stability. */
export function stabilitiesOf(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [, stability = ''] of text.matchAll(/^# HELP \S+ \[([A-Z]+)\]/gm))
    counts.set(stability, (counts.get(stability) ?? 0) + 1)
  return counts
}

/** Of one label, as most have, its value itself: some are asked for with every request. */
function keyOf(labels: Labels): string {
  let key: string | undefined
  for (const name in labels) key = key === undefined ? labels[name]! : `${key}\0${labels[name]}`
  return key ?? ''
}

const head = (name: string, type: string, help: string, stability: Stability): string =>
  `# HELP ${name} [${stability}] ${help}\n# TYPE ${name} ${type}\n`

/** By their names. */
const inside = (labels: Labels): string =>
  Object.keys(labels)
    .sort()
    .map((label) => `${label}="${escaped(labels[label]!)}"`)
    .join(',')

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }
const escaped = (text: string): string => text.replace(/[\\"\n]/g, (each) => ESCAPES[each]!)

const line = (name: string, labels: string, value: number): string =>
  `${name}${labels === '' ? '' : `{${labels}}`} ${printFloat(value)}\n`

/** Powers of ten that Go writes without an exponent. */
const [POWER_MIN, POWER_MAX] = [-4, 5]

/** The shortest text of a number, as Go's `%g` prints it: a million is `1e+06`. */
export function printFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= POWER_MIN && power <= POWER_MAX) return String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
