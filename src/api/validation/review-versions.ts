import { complaints, type Findings, invalidValue, required } from './findings.ts'
import { dns1035Label } from './names.ts'

const KNOWN = ['v1', 'v1beta1']

/** Versions of a review that a webhook takes; `mustKnow`: one that this server sends among them. */
export function* validateReviewVersions(versions: readonly string[], mustKnow: boolean, path: string, absent = ''): Findings {
  if (versions.length === 0) {
    yield required(path, absent)
    return
  }
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) yield invalidValue(`${path}[${index}]`, version, 'duplicate version')
    else yield* complaints(dns1035Label(version), version, `${path}[${index}]`)
  }
  if (mustKnow && !knowsAny(versions)) yield invalidValue(path, versions, `must include at least one of ${KNOWN.join(', ')}`)
}

export const knowsAny = (versions: readonly string[]): boolean => versions.some((version) => KNOWN.includes(version))
