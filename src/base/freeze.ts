/** Freezes a tree of plain objects and arrays in place and returns it. Stops at what is frozen already. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  if (Array.isArray(value)) for (let index = 0; index < value.length; index++) deepFreeze(value[index])
  else for (const key in value) if (typeof value[key] === 'object') deepFreeze(value[key])
  return value
}

/** A deep, unfrozen copy of JSON-shaped data; cheaper than structuredClone. */
export function deepClone<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(deepClone) as T
  const copy: Record<string, unknown> = {}
  for (const key in value) setOwn(copy, key, deepClone((value as Record<string, unknown>)[key]))
  return copy as T
}

/** Structural equality of JSON-shaped data; a property that is undefined equals an absent one. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => deepEqual(item, b[i]))
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  for (const key in left) if (!deepEqual(left[key], Object.hasOwn(right, key) ? right[key] : undefined)) return false
  for (const key in right) if (!Object.hasOwn(left, key) && right[key] !== undefined) return false
  return true
}

/** What a map of somebody else's keys holds under one of them: `constructor` is a key like any other. */
export function ownValue<T>(map: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined
}

/** Assigns an own property even when the key is `__proto__`, which user data may contain. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}
