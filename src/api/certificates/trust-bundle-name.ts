import { subdomainName } from '../validation/names.ts'

/** The bundle of `example.com/foo` is named `example.com:foo:…`; one of no signer has no colon in its name. */
export function* bundleNameProblems(signerName: string, name: string, isPrefix: boolean): Iterable<string> {
  if (signerName === '') {
    if (name.includes(':')) yield 'ClusterTrustBundle without signer name must not have ":" in its name'
    else yield* subdomainName(name, isPrefix)
    return
  }
  const prefix = `${signerName.replaceAll('/', ':')}:`
  if (!name.startsWith(prefix)) yield `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`
  else yield* subdomainName(name.slice(prefix.length), isPrefix)
}
