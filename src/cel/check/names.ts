/** The names that `name` may mean inside of a container such as `a.b`: `a.b.name`, `a.name`, `name`, the innermost first. */
export function candidateNames(container: string, name: string): readonly string[] {
  if (name.startsWith('.')) return [name.slice(1)]
  if (container === '') return [name]
  const parts = container.split('.')
  const result: string[] = []
  for (let size = parts.length; size > 0; size--) result.push(`${parts.slice(0, size).join('.')}.${name}`)
  return [...result, name]
}
