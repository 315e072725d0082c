import type { AdmissionPlugin } from './types.ts'

/** Upstream's `--enable-admission-plugins` and `--disable-admission-plugins`. */
export interface PluginSelection {
  /** Beside those that are on by default. */
  readonly enable?: readonly string[]
  readonly disable?: readonly string[]
}

/** The plugins that run, in their own order, whatever the order of the names. Throws an Error that names what is unknown. */
export function selectPlugins(
  all: readonly AdmissionPlugin[],
  { enable = [], disable = [] }: PluginSelection,
): AdmissionPlugin[] {
  const known = new Set(all.map(({ name }) => name))
  for (const [flag, names] of Object.entries({ enable, disable })) {
    const unknown = names.filter((name) => !known.has(name))
    if (unknown.length > 0) throw new Error(`${flag}-admission-plugins plugin ${JSON.stringify(unknown[0])} is unknown`)
  }
  const both = enable.find((name) => disable.includes(name))
  if (both !== undefined)
    throw new Error(`${JSON.stringify(both)} in enable-admission-plugins and disable-admission-plugins overlapped`)
  return all.filter(({ name, off = false }) => (off ? enable.includes(name) : !disable.includes(name)))
}
