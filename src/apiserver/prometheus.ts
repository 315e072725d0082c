/** Metrics in Prometheus' text format, without the library, which is too slow to load for what is counted from the start. */

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]

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

/** Upstream's buckets that grow by a factor. */
export const exponentialBounds = (first: number, factor: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first * factor ** index)

/** One counter or gauge for each set of labels. */
export class LabelledNumbers {
  readonly #name: string
  readonly #type: 'counter' | 'gauge'
  readonly #help: string
  readonly #samples = new Map<string, { readonly labels: Labels; value: number }>()

  constructor(name: string, type: 'counter' | 'gauge', help: string) {
    this.#name = name
    this.#type = type
    this.#help = help
  }

  add(labels: Labels, by = 1): void {
    this.#sampleOf(labels).value += by
  }

  set(labels: Labels, value: number): void {
    this.#sampleOf(labels).value = value
  }

  text(): string {
    return familyText(
      this.#name,
      this.#type,
      this.#help,
      [...this.#samples.values()].map(({ labels, value }) => [labels, value]),
    )
  }

  #sampleOf(labels: Labels): { value: number } {
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
  readonly #samples = new Map<string, readonly [Labels, Histogram]>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name
    this.#help = help
    this.#bounds = bounds
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

  text(): string {
    const seen = [...this.#samples.values()].filter(([, { count }]) => count > 0)
    return histogramText(this.#name, this.#help, seen)
  }
}

export const familyText = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string =>
  head(name, type, help) + samples.map(([labels, value]) => line(name, labels, value)).join('')

export function histogramText(name: string, help: string, samples: readonly (readonly [Labels, Histogram])[]): string {
  const lines = samples.map(([labels, { bounds, counts, sum, count }]) => {
    let upTo = 0
    return [
      ...bounds.map((bound, at) => line(`${name}_bucket`, { ...labels, le: String(bound) }, (upTo += counts[at]!))),
      line(`${name}_bucket`, { ...labels, le: '+Inf' }, count),
      line(`${name}_sum`, labels, sum),
      line(`${name}_count`, labels, count),
    ].join('')
  })
  return head(name, 'histogram', help) + lines.join('')
}

/** Of one label, as most have, its value itself: some are asked for with every request. */
function keyOf(labels: Labels): string {
  let key: string | undefined
  for (const name in labels) key = key === undefined ? labels[name]! : `${key}\0${labels[name]}`
  return key ?? ''
}

const head = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`

function line(name: string, labels: Labels, value: number): string {
  const inside = Object.entries(labels).map(([label, text]) => `${label}=${JSON.stringify(text)}`)
  return `${name}${inside.length > 0 ? `{${inside.join(',')}}` : ''} ${value}\n`
}
