/** `latest`, said or meant, may change behind its name; any other tag and every digest stays. */
export function pullPolicyOf(image: string | undefined): 'Always' | 'IfNotPresent' {
  if (!image || image.includes('@')) return 'IfNotPresent'
  const name = image.slice(image.lastIndexOf('/') + 1)
  const colon = name.indexOf(':')
  return colon === -1 || name.slice(colon + 1) === 'latest' ? 'Always' : 'IfNotPresent'
}
