/** A short, stable name for a pod template: equal templates have equal hashes. `collisionCount` makes another name when two templates share one. */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(canonical(template) + (collisionCount === undefined ? '' : `#${collisionCount}`)))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  // The safe alphabet of generated names: no vowels, no look-alikes.
  return [...String(hash)].map((digit) => SAFE[Number(digit) % SAFE.length]).join('')
}

const SAFE = 'bcdfghjklmnpqrstvwxz2456789'

/** JSON with sorted keys: the order in which fields were written says nothing. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`)
    .join(',')}}`
}
